"""Encoded samples by their place in the stream, as far as they have come: a second of them."""

from bridge.audio.frames import FRAME_SAMPLES

RING_SAMPLES = 8192
_MASK = RING_SAMPLES - 1
_VALID = b"\x01" * RING_SAMPLES
_EMPTY = bytes(RING_SAMPLES)
_FRAME_VALID = _VALID[:FRAME_SAMPLES]


class SampleRing:
    """One byte a sample. Positions are any integers; what is held at once is less than the ring."""

    def __init__(self) -> None:
        self._bytes = bytearray(RING_SAMPLES)
        self._valid = bytearray(RING_SAMPLES)

    def clear(self) -> None:
        self._valid[:] = _EMPTY

    def has_frame(self, position: int) -> bool:
        """All of the 160 samples from `position` on are there."""
        at = position & _MASK
        if at <= RING_SAMPLES - FRAME_SAMPLES:
            return self._valid[at : at + FRAME_SAMPLES] == _FRAME_VALID
        return self._valid[at:] + self._valid[: at + FRAME_SAMPLES - RING_SAMPLES] == _FRAME_VALID

    def frame(self, position: int) -> bytes:
        """The 160 samples from `position` on."""
        at = position & _MASK
        if at <= RING_SAMPLES - FRAME_SAMPLES:
            return bytes(self._bytes[at : at + FRAME_SAMPLES])
        return bytes(self._bytes[at:] + self._bytes[: at + FRAME_SAMPLES - RING_SAMPLES])

    def write(self, position: int, payload: bytes) -> None:
        at = position & _MASK
        size = len(payload)
        fits = RING_SAMPLES - at
        if size <= fits:
            self._bytes[at : at + size] = payload
            self._valid[at : at + size] = _VALID[:size]
        else:
            self._bytes[at:] = payload[:fits]
            self._bytes[: size - fits] = payload[fits:]
            self._valid[at:] = _VALID[:fits]
            self._valid[: size - fits] = _VALID[: size - fits]

    def erase(self, begin: int, end: int) -> None:
        size = end - begin
        if size >= RING_SAMPLES:
            self.clear()
            return
        at = begin & _MASK
        fits = RING_SAMPLES - at
        if size <= fits:
            self._valid[at : at + size] = _EMPTY[:size]
        else:
            self._valid[at:] = _EMPTY[:fits]
            self._valid[: size - fits] = _EMPTY[: size - fits]
