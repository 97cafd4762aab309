"""High-pass for a caller's audio: hum, DC and rumble are gone before anything judges the frame.

A second-order Butterworth filter, written as one matrix: the frame and the state in, the frame and
the new state out. One product of 162 x 162 costs a few microseconds, where a loop over samples
in Python costs a hundred times that.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import cos, pi, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from bridge.audio.frames import FRAME_SAMPLES, PHONE_RATE_HZ

_ORDER = 2


class HighPass:
    """One call's filter. Its delay is that of a second-order filter: under 1 ms above 300 Hz."""

    def __init__(self, cutoff_hz: float) -> None:
        """`cutoff_hz`: where it attenuates by 3 dB, 20 to 400 Hz, else ValueError."""
        if not 20 <= cutoff_hz <= 400:
            raise ValueError(f"no high-pass at {cutoff_hz} Hz, only from 20 to 400 Hz")
        self._matrix = _frame_matrix(float(cutoff_hz))
        self._state = [0.0] * _ORDER

    def push(self, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
        """int16 `[160]` in, int16 `[160]` out. Saturates."""
        return filter_batch([self], pcm[None])[0]


def filter_batch(filters: Sequence[HighPass], frames: NDArray[np.int16]) -> NDArray[np.int16]:
    """The next frame of each of `filters` (each at most once): int16 `[n, 160]` in and out.

    As `push` of each, at a fraction of the cost where many have the same cut-off. No filter has
    taken a frame when it raises.
    """
    signal = np.empty((len(filters), FRAME_SAMPLES + _ORDER), np.float32)
    signal[:, :FRAME_SAMPLES] = frames
    signal[:, FRAME_SAMPLES:] = [one._state for one in filters]
    matrix = filters[0]._matrix
    if all(one._matrix is matrix for one in filters):
        signal = signal @ matrix
    else:
        for matrix in {id(one._matrix): one._matrix for one in filters}.values():
            rows = [i for i, one in enumerate(filters) if one._matrix is matrix]
            signal[rows] = signal[rows] @ matrix
    for one, state in zip(filters, signal[:, FRAME_SAMPLES:].tolist(), strict=True):
        one._state = state
    made = signal[:, :FRAME_SAMPLES]
    np.rint(made, out=made)
    np.clip(made, -32768.0, 32767.0, out=made)
    return made.astype(np.int16)


@lru_cache(maxsize=16)
def _frame_matrix(cutoff_hz: float) -> NDArray[np.float32]:
    """What turns `[160 samples, 2 states]` into `[160 filtered samples, 2 new states]`."""
    b, a = _butterworth(cutoff_hz)
    size = FRAME_SAMPLES + _ORDER
    signals = np.eye(size)  # each input alone, all rows at once
    state = signals[:, FRAME_SAMPLES:].copy()
    matrix = np.empty((size, size))
    for i in range(FRAME_SAMPLES):
        # Transposed direct form II: its state stays small, so float32 is enough.
        sample = signals[:, i]
        out = b[0] * sample + state[:, 0]
        state[:, 0] = b[1] * sample - a[1] * out + state[:, 1]
        state[:, 1] = b[2] * sample - a[2] * out
        matrix[:, i] = out
    matrix[:, FRAME_SAMPLES:] = state
    return matrix.astype(np.float32)


def _butterworth(cutoff_hz: float) -> tuple[list[float], list[float]]:
    """Numerator and denominator, by the bilinear transform."""
    omega = 2 * pi * cutoff_hz / PHONE_RATE_HZ
    alpha = sin(omega) / sqrt(2)
    gain = 1 / (1 + alpha)
    half = (1 + cos(omega)) / 2 * gain
    return [half, -2 * half, half], [1.0, -2 * cos(omega) * gain, (1 - alpha) * gain]
