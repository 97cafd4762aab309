"""High-pass for a caller's audio: hum, DC and rumble are gone before anything judges the frame.

A second-order Butterworth filter, written as one matrix: the frame and the state in, the frame and
the new state out. One product of 162 x 162 costs a few microseconds, where a loop over samples
in Python costs a hundred times that.
"""

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
        self._signal = np.zeros(FRAME_SAMPLES + _ORDER, np.float32)

    def push(self, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
        """int16 `[160]` in, int16 `[160]` out. Saturates."""
        signal = self._signal
        signal[:FRAME_SAMPLES] = pcm
        made = signal @ self._matrix
        signal[FRAME_SAMPLES:] = made[FRAME_SAMPLES:]
        frame = made[:FRAME_SAMPLES]
        np.rint(frame, out=frame)
        np.maximum(frame, -32768.0, out=frame)
        np.minimum(frame, 32767.0, out=frame)
        return frame.astype(np.int16)


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
