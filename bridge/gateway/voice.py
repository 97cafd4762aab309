"""An agent's voice, cut into frames and encoded for the wire. Core without I/O."""

from typing import NamedTuple

import numpy as np

from bridge import codec
from bridge.codec import CodecName


class Frame(NamedTuple):
    payload: bytes
    samples: int


class Voice:
    """One reply. Audio of any length in, whole frames out."""

    def __init__(self, name: CodecName, rate_hz: int) -> None:
        """Raises CodecUnavailable."""
        self._encoder = codec.encoder(name, rate_hz)
        self._samples = codec.frame_samples(name, rate_hz)
        self._rest = bytearray()
        """PCM16, less than a frame of it."""
        self._encoded = bytearray()
        """The same of bytes that came encoded."""

    def push(self, pcm: bytes) -> list[Frame]:
        """PCM16 little-endian at the call's output rate."""
        self._rest += pcm
        size = self._samples * 2
        whole = len(self._rest) // size * size
        made = [self._frame(bytes(self._rest[i : i + size])) for i in range(0, whole, size)]
        del self._rest[:whole]
        return made

    def push_encoded(self, data: bytes) -> list[Frame]:
        """G.711 bytes, which leave as they are."""
        size = self._samples
        if len(data) == size and not self._encoded:
            return [
                tuple.__new__(Frame, (bytes(data), size))
            ]  # a third of what it takes to call it
        self._encoded += data
        whole = len(self._encoded) // size * size
        made = [Frame(bytes(self._encoded[i : i + size]), size) for i in range(0, whole, size)]
        del self._encoded[:whole]
        return made

    def flush(self) -> list[Frame]:
        """The rest, a shorter frame."""
        made = []
        if self._encoded:
            made.append(Frame(bytes(self._encoded), len(self._encoded)))
        if len(self._rest) >= 2:
            made.append(self._frame(bytes(self._rest[: len(self._rest) // 2 * 2])))
        self._encoded.clear()
        self._rest.clear()
        return made

    def _frame(self, pcm: bytes) -> Frame:
        samples = np.frombuffer(pcm, "<i2")
        return Frame(self._encoder.encode(samples), len(samples))
