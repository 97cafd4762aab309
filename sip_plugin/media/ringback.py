"""The tone that a caller hears while the phone rings: 440 and 480 Hz, 2 s of 6 s (ITU-T E.180,
North America)."""

import numpy as np
from numpy.typing import NDArray

from bridge.audio.frames import FRAME_MS

_TONES_HZ = (440, 480)
_PEAK = 2300
"""Of each of the two: -19 dBm0 is 2500; a little less, for there are two."""
_ON_FRAMES = 2000 // FRAME_MS
_CYCLE_FRAMES = 6000 // FRAME_MS


class Ringback:
    """One call's tone, frame by frame from the beginning of a ring."""

    def __init__(self) -> None:
        self._n = 0

    def pull(self, rate_hz: int) -> NDArray[np.int16]:
        """20 ms, int16, at the phone's rate."""
        n, self._n = self._n % _CYCLE_FRAMES, self._n + 1
        samples = rate_hz * FRAME_MS // 1000
        if n >= _ON_FRAMES:
            return np.zeros(samples, np.int16)
        # Both frequencies have whole periods in 2 s, so each ring begins and ends at zero.
        time = (np.arange(samples) + n * samples) / rate_hz
        wave = sum(np.sin(2 * np.pi * hz * time) for hz in _TONES_HZ)
        return (_PEAK * wave).astype(np.int16)
