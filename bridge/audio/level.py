"""How loud a frame is, in dBFS: RMS over 32768, so that a full-scale square wave is 0."""

from math import log10

import numpy as np
from numpy.typing import NDArray

FLOOR_DBFS = -96.0
"""What an empty or silent frame measures; nothing measures less."""

_FULL_POWER = 32768.0**2
_FLOOR_POWER = _FULL_POWER * 10 ** (FLOOR_DBFS / 10)


def dbfs(pcm: NDArray[np.int16]) -> NDArray[np.float64]:
    """Level along the last axis: a number for one frame `[samples]`, `[n]` for `[n, samples]`."""
    samples = pcm.astype(np.float32)
    power = np.einsum("...i,...i->...", samples, samples) / max(pcm.shape[-1], 1)
    return 10 * np.log10(np.maximum(power, _FLOOR_POWER) / _FULL_POWER)


def frame_dbfs(pcm: NDArray[np.int16]) -> float:
    """As `dbfs`, of one frame `[samples]`, not empty: a third of the time."""
    samples = pcm.astype(np.float32)
    power = float(samples @ samples) / len(pcm)
    return 10 * log10(max(power, _FLOOR_POWER) / _FULL_POWER)
