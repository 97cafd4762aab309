"""G.722 at 64 kbit/s (ITU-T G.722): wideband speech, one byte for two samples at 16 kHz.

Its RTP clock runs at 8 kHz for historical reasons (RFC 3551 section 4.5.2), so a byte is also one
tick, as with G.711. Both directions predict from what came before: a stream has a coder of its own.
"""

import G722
import numpy as np
from numpy.typing import NDArray

WIDE_RATE_HZ = 16_000
_BITRATE = 64_000


class Encoder:
    """One stream out. `rate_hz` 8000 leaves the upper half of the band empty."""

    def __init__(self, rate_hz: int = 8000) -> None:
        self._coder = G722.G722(rate_hz, _BITRATE)

    def encode(self, pcm: NDArray[np.int16]) -> bytes:
        """One byte for each sample at 8 kHz, or for two at 16 kHz."""
        return self._coder.encode(pcm)


class Decoder:
    """One stream in."""

    def __init__(self) -> None:
        self._coder = G722.G722(WIDE_RATE_HZ, _BITRATE)

    def decode(self, payload: bytes) -> NDArray[np.int16]:
        """int16 at 16 kHz, two samples for each byte; any payload decodes to something."""
        return np.frombuffer(self._coder.decode(payload), np.int16)
