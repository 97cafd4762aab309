"""Sample-rate conversion of a live stream: a polyphase FIR with 2 ms delay and no look-ahead.

Every 20 ms frame gives exactly 20 ms of the other rate at once, which a block resampler with a
long filter does not.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import gcd, lcm

import numpy as np
from numpy.typing import NDArray

RATES_HZ = (8000, 16000, 24000, 48000)
DELAY_MS = 2

_KAISER_BETA = 7.0
_GUARD_HZ = 320.0  # cut-off below the lower Nyquist frequency: -0.8 dB at 3.4 kHz, -55 dB at 4.2
_BLOCK = 16  # steps of the slower rate that a row of the product makes; 8 to 32 cost the same


class Resampler:
    """One direction of one call. Not for files: a file deserves a longer filter."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        """Rates out of `RATES_HZ`, else ValueError. Equal rates pass through without delay."""
        for rate in (from_hz, to_hz):
            if rate not in RATES_HZ:
                raise ValueError(f"no resampler for {rate} Hz, only for {RATES_HZ}")
        self.from_hz = from_hz
        self.to_hz = to_hz
        self._filter = _Polyphase.between(from_hz, to_hz)
        self._held = np.zeros(self._filter.history, np.float32)
        self._phase = 0  # inputs in `_held` since the last one that coincides with an output

    def push(self, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
        """int16 `[n]` in, int16 out: after N inputs in all, ceil(N * to / from) outputs in all.

        Any n; a multiple of 20 ms gives the same time exactly. Saturates.
        """
        if self.from_hz == self.to_hz:
            return pcm
        made, self._phase, self._held = self._step(pcm)
        return made

    def _step(self, pcm: NDArray[np.int16]) -> tuple[NDArray[np.int16], int, NDArray[np.float32]]:
        """What `push` returns, and what is then the phase, and held."""
        fir = self._filter
        past, known = len(self._held), len(self._held) + len(pcm)
        inputs = self._phase + len(pcm)
        blocks = -(-inputs // fir.block_in)
        signal = np.empty(fir.history + blocks * fir.block_in, np.float32)
        signal[:past] = self._held
        signal[past:known] = pcm
        signal[known:] = 0.0  # completes the last block; no output that is taken depends on it
        made = fir.apply(signal, blocks)[fir.outputs(self._phase) : fir.outputs(inputs)]
        phase = inputs % fir.down
        return _to_int16(made), phase, signal[known - fir.history - phase : known].copy()


def resample_batch(resamplers: Sequence[Resampler], frames: NDArray[np.int16]) -> NDArray[np.int16]:
    """The next frame of each of `resamplers`, which have the same rates: as `push` of each, at a
    fraction of the cost. int16 `[n, samples]` in, whole multiples of 20 ms, `[n, m]` out. None has
    taken a frame when it raises.
    """
    first = resamplers[0]
    if first.from_hz == first.to_hz:
        return frames
    fir = first._filter
    count, samples = frames.shape
    if samples % fir.block_in or any(one._phase for one in resamplers):
        steps = [one._step(row) for one, row in zip(resamplers, frames, strict=True)]
        stacked = np.stack([made for made, _, _ in steps])
        for one, (_, phase, kept) in zip(resamplers, steps, strict=True):
            one._phase, one._held = phase, kept
        return stacked
    signal = np.empty((count, fir.history + samples), np.float32)
    for row, one in zip(signal, resamplers, strict=True):
        row[: fir.history] = one._held
    signal[:, fir.history :] = frames
    made = fir.apply_all(signal, samples // fir.block_in)
    held = signal[:, samples:].copy()
    for row, one in zip(held, resamplers, strict=True):
        one._held = row
    return _to_int16(made)


class _Polyphase:
    """The filter of one pair of rates as a matrix: a block of input times it is a block of output.

    A dense matrix does redundant multiplications (it is banded), and is still several times
    cheaper than a convolution a phase: one call into BLAS instead of many.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        divisor = gcd(from_hz, to_hz)
        self.up, self.down = to_hz // divisor, from_hz // divisor
        phases = _phases(from_hz, to_hz, self.up)
        taps = phases.shape[1]
        self.history = taps - 1
        self.block_in = _BLOCK * max(self.down, 2)
        self.block_out = self.block_in * self.up // self.down
        self._matrix = np.zeros((self.history + self.block_in, self.block_out), np.float32)
        for output in range(self.block_out):
            newest, phase = divmod(output * self.down, self.up)
            self._matrix[newest : newest + taps, output] = phases[phase, ::-1]

    @classmethod
    @lru_cache(maxsize=len(RATES_HZ) ** 2)
    def between(cls, from_hz: int, to_hz: int) -> "_Polyphase":
        return cls(from_hz, to_hz)

    def outputs(self, inputs: int) -> int:
        """Outputs due after so many inputs, counted from one where both coincide."""
        return -(-inputs * self.up // self.down)

    def apply(self, signal: NDArray[np.float32], blocks: int) -> NDArray[np.float32]:
        """`signal` is the history followed by whole blocks; the outputs of those blocks."""
        step = signal.itemsize
        windows = np.ndarray(
            (blocks, self.history + self.block_in),
            np.float32,
            signal,
            strides=(self.block_in * step, step),
        )
        return (windows @ self._matrix).ravel()

    def apply_all(self, signals: NDArray[np.float32], blocks: int) -> NDArray[np.float32]:
        """`[n, history and whole blocks]`, each as in `apply`: `[n, outputs]`."""
        count, length = signals.shape
        step = signals.itemsize
        windows = np.ndarray(
            (count, blocks, self.history + self.block_in),
            np.float32,
            signals,
            strides=(length * step, self.block_in * step, step),
        )
        flat = windows.reshape(count * blocks, -1)
        return (flat @ self._matrix).reshape(count, -1)


def _phases(from_hz: int, to_hz: int, up: int) -> NDArray[np.float64]:
    """Filter taps by output phase, `[up, taps]`, newest input first."""
    rate = lcm(from_hz, to_hz)
    half = rate * DELAY_MS // 1000
    cutoff = min(from_hz, to_hz) / 2 - _GUARD_HZ
    time = np.arange(-half, half + 1) / rate
    taps = np.sinc(2 * cutoff * time) * np.kaiser(2 * half + 1, _KAISER_BETA)
    padded = np.concatenate((taps, np.zeros(-len(taps) % up)))
    phases = padded.reshape(-1, up).T
    # Each phase passes DC alike, or a constant would come out with a tone at the input rate.
    return phases / phases.sum(axis=1, keepdims=True)


def _to_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    np.rint(samples, out=samples)
    np.maximum(samples, -32768.0, out=samples)
    np.minimum(samples, 32767.0, out=samples)
    return samples.astype(np.int16)
