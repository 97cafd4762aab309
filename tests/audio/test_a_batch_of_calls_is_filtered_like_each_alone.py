"""Whoever is in the batch, each call hears what it would have heard alone, up to rounding."""

import numpy as np
import pytest

from bridge.audio.highpass import HighPass, filter_batch
from bridge.audio.resample import Resampler, resample_batch

FRAMES, CALLS = 30, 5
_RNG = np.random.default_rng(3)
_SAID = (_RNG.normal(size=(FRAMES, CALLS, 160)) * 9000).clip(-32768, 32767).astype(np.int16)
_COMPANY = [sorted(_RNG.choice(CALLS, _RNG.integers(1, CALLS + 1), False)) for _ in range(FRAMES)]
"""Who has a frame in each batch: sometimes one, sometimes all."""


def assert_alike(batched: dict[int, list[np.ndarray]], alone: dict[int, list[np.ndarray]]) -> None:
    for call in range(CALLS):
        one = np.concatenate(batched[call]).astype(int)
        other = np.concatenate(alone[call]).astype(int)
        assert np.abs(one - other).max() <= 1


@pytest.mark.parametrize("cutoffs", [[90.0] * CALLS, [90.0, 200.0, 90.0, 40.0, 200.0]])
def test_the_high_pass(cutoffs):
    together, single = [[HighPass(hz) for hz in cutoffs] for _ in range(2)]
    batched = {call: [] for call in range(CALLS)}
    alone = {call: [] for call in range(CALLS)}
    for said, company in zip(_SAID, _COMPANY, strict=True):
        made = filter_batch([together[call] for call in company], said[company])
        assert made.dtype == np.int16
        for call, frame in zip(company, made, strict=True):
            batched[call].append(frame)
            alone[call].append(single[call].push(said[call]))
    assert_alike(batched, alone)


@pytest.mark.parametrize("to_hz", [8000, 16_000, 24_000, 48_000])
def test_the_resampler(to_hz):
    together, single = [[Resampler(8000, to_hz) for _ in range(CALLS)] for _ in range(2)]
    batched = {call: [] for call in range(CALLS)}
    alone = {call: [] for call in range(CALLS)}
    for said, company in zip(_SAID, _COMPANY, strict=True):
        made = resample_batch([together[call] for call in company], said[company])
        for call, frame in zip(company, made, strict=True):
            batched[call].append(frame)
            alone[call].append(single[call].push(said[call]))
    assert_alike(batched, alone)


def test_a_stream_that_is_between_two_outputs_keeps_its_place():
    together, single = ([Resampler(24_000, 8000) for _ in range(2)] for _ in range(2))
    for resampler in (*together, *single):
        resampler.push(np.arange(100, dtype=np.int16))
    said = (_RNG.normal(size=(2, 480)) * 3000).astype(np.int16)
    made = resample_batch(together, said)
    for frame, resampler, pcm in zip(made, single, said, strict=True):
        assert np.array_equal(frame, resampler.push(pcm))
