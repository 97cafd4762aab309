"""Audio between a call and a server: rates and encodings."""

import numpy as np

from bridge.audio import g711
from bridge.audio.resample import Resampler
from bridge.backends.interface import AudioFormat


class ToServer:
    """PCM16 of the call to a server's format, frame by frame."""

    def __init__(self, from_hz: int, to: AudioFormat) -> None:
        self._resampler = Resampler(from_hz, to.rate_hz)
        self._to = to

    def push(self, pcm: bytes) -> bytes:
        made = self._resampler.push(np.frombuffer(pcm, "<i2"))
        if self._to.encoding == "pcm16":
            return made.astype("<i2", copy=False).tobytes()
        return g711.encode(self._to.encoding, made)


class FromServer:
    """A reply to PCM16 of the call. Pieces may end anywhere, also within a sample."""

    def __init__(self, given: AudioFormat, to_hz: int) -> None:
        self.given = given
        self._resampler = Resampler(given.rate_hz, to_hz)
        self._rest = b""

    def push(self, data: bytes) -> np.ndarray:
        if self.given.encoding != "pcm16":
            return self._resampler.push(g711.decode(self.given.encoding, data))
        data = self._rest + data
        whole = len(data) // 2 * 2
        self._rest = data[whole:]
        return self._resampler.push(np.frombuffer(data[:whole], "<i2"))
