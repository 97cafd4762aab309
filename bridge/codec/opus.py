"""Opus (RFC 6716) by libopus, from the wheel of PyAV: 20 ms frames of some 60 bytes."""

from fractions import Fraction
from typing import Any

import numpy as np

from bridge.audio.frames import FRAME_MS
from bridge.audio.resample import Resampler
from bridge.codec.interface import OPUS_MISSING, CodecError, CodecUnavailable, Pcm

BIT_RATE = {8000: 16_000, 16_000: 24_000, 24_000: 28_000, 48_000: 32_000}
"""Bits a second: clear speech in each bandwidth."""
MAX_BYTES = 400
"""Of a frame: 20 ms at 160 kbit/s."""
_DECODED_HZ = 48_000  # what libopus gives here, whatever went in


class OpusEncoder:
    def __init__(self, rate_hz: int) -> None:
        """Raises CodecUnavailable without PyAV."""
        self._av = _library()
        self._rate_hz = rate_hz
        self._samples = rate_hz * FRAME_MS // 1000
        self._position = 0
        context = self._av.CodecContext.create("libopus", "w")
        context.sample_rate = rate_hz
        context.layout = "mono"
        context.format = "s16"
        context.bit_rate = BIT_RATE[rate_hz]
        context.time_base = Fraction(1, rate_hz)
        # Complexity 5: indistinguishable for speech, and half the time of 10.
        context.options = {
            "application": "voip",
            "frame_duration": str(FRAME_MS),
            "vbr": "constrained",
            "compression_level": "5",
        }
        context.open()
        self._context = context

    def encode(self, pcm: Pcm) -> bytes:
        if len(pcm) < self._samples:  # the end of a reply: a frame has one length only
            pcm = np.pad(pcm, (0, self._samples - len(pcm)))
        frame = self._av.AudioFrame.from_ndarray(
            np.ascontiguousarray(pcm[None, :], np.int16), format="s16", layout="mono"
        )
        frame.sample_rate = self._rate_hz
        frame.time_base = Fraction(1, self._rate_hz)
        frame.pts = self._position
        self._position += self._samples
        return b"".join(bytes(packet) for packet in self._context.encode(frame))


class OpusDecoder:
    def __init__(self, rate_hz: int) -> None:
        """Raises CodecUnavailable without PyAV."""
        self._av = _library()
        self._context = self._av.CodecContext.create("libopus", "r")
        self._context.layout = "mono"
        self._resampler = Resampler(_DECODED_HZ, rate_hz)

    def decode(self, payload: bytes) -> Pcm:
        if not 0 < len(payload) <= MAX_BYTES or _milliseconds(payload) != FRAME_MS:
            raise CodecError("no Opus frame of 20 ms")
        try:
            frames = self._context.decode(self._av.Packet(payload))
        except self._av.error.FFmpegError:
            raise CodecError("no Opus") from None
        sound = [frame.to_ndarray().reshape(-1) for frame in frames]
        if not sound or sum(map(len, sound)) != _DECODED_HZ * FRAME_MS // 1000:
            raise CodecError("no Opus frame of 20 ms")
        return self._resampler.push(np.concatenate(sound))


def _milliseconds(packet: bytes) -> float:
    """What a packet holds, by its first byte (RFC 6716 section 3.1)."""
    config, count = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame = (10.0, 20.0, 40.0, 60.0)[config & 3]
    elif config < 16:
        frame = (10.0, 20.0)[config & 1]
    else:
        frame = (2.5, 5.0, 10.0, 20.0)[config & 3]
    if count == 3:
        return frame * (packet[1] & 63) if len(packet) > 1 else 0.0
    return frame * (2 if count else 1)


def _library() -> Any:
    try:
        import av
    except ImportError:
        raise CodecUnavailable(OPUS_MISSING) from None
    return av
