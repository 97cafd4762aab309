"""Level control towards the model: quiet callers are raised, slowly, by their speech alone.

The gain moves only in frames that are speech, so that pauses keep the gain of the words around
them and the noise does not swell in them.
"""

import numpy as np
from numpy.typing import NDArray

from bridge.audio.frames import FRAME_SAMPLES

TARGET_DBFS = -24.0
"""Level of speech to arrive at; louder callers are left as they are."""
MAX_GAIN_DB = 18.0
STEP_DB = 0.2
"""Most that the gain changes in a frame of 20 ms (10 dB/s)."""
MEMORY = 0.98
"""Weight of the past in the level of the caller's speech: 1 s of speech."""
_PEAK = 32000.0


class LevelControl:
    """One call's gain, 0 to 18 dB."""

    def __init__(self) -> None:
        self._speech_power: float | None = None
        self.gain_db = 0.0
        self._gain = np.float32(1.0)

    def push(self, pcm: NDArray[np.int16], level_dbfs: float, is_speech: bool) -> NDArray[np.int16]:
        """int16 `[160]` in, int16 `[160]` out. `is_speech`: the caller's own, above the gate."""
        if is_speech:
            power = 10 ** (level_dbfs / 10)
            known = self._speech_power
            self._speech_power = power if known is None else MEMORY * (known - power) + power
            wanted = TARGET_DBFS - 10 * np.log10(self._speech_power)
            wanted = min(max(wanted, 0.0), MAX_GAIN_DB)
            self.gain_db += min(max(wanted - self.gain_db, -STEP_DB), STEP_DB)
        if self.gain_db == 0.0 and self._gain == 1.0:
            return pcm
        samples = pcm.astype(np.float32)
        peak = max(float(np.abs(samples).max()), 1.0)
        gain = np.float32(min(10 ** (self.gain_db / 20), max(_PEAK / peak, 1.0)))
        samples *= np.linspace(self._gain, gain, FRAME_SAMPLES, dtype=np.float32)
        self._gain = gain
        return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)
