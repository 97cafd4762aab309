"""How loud a frame is, in dBFS: RMS over 32768, so that a full-scale square wave is 0."""

import math

import numpy as np
from numpy.typing import NDArray

FLOOR_DBFS = -96.0
"""What an empty or silent frame measures; nothing measures less."""

_FLOOR_POWER = 32768.0**2 * 10 ** (FLOOR_DBFS / 10)


def dbfs(pcm: NDArray[np.int16]) -> float:
    """Level of one frame of any length."""
    if not pcm.size:
        return FLOOR_DBFS
    samples = pcm.astype(np.float32)
    power = float(np.dot(samples, samples)) / samples.size
    return 10 * math.log10(max(power, _FLOOR_POWER) / 32768.0**2)


def dbfs_batch(frames: NDArray[np.int16]) -> NDArray[np.float32]:
    """Levels of `[n, samples]` frames: float32 `[n]`."""
    if not frames.size:
        return np.full(len(frames), FLOOR_DBFS, np.float32)
    samples = frames.astype(np.float32)
    power = np.einsum("ij,ij->i", samples, samples) / samples.shape[1]
    return 10 * np.log10(np.maximum(power, _FLOOR_POWER) / 32768.0**2, dtype=np.float32)
