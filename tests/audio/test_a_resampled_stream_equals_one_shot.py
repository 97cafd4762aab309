from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.audio.resample import RATES_HZ, Resampler

PAIRS = list(permutations(RATES_HZ, 2))
ROUNDING = 1  # of the last bit: sums of another order


def _noise(samples: int) -> np.ndarray:
    return np.random.default_rng(5).integers(-32768, 32768, samples).astype(np.int16)


def _in_pieces(resampler: Resampler, pcm: np.ndarray, sizes: list[int]) -> np.ndarray:
    cuts = np.cumsum(sizes)[:-1]
    return np.concatenate([resampler.push(piece) for piece in np.split(pcm, cuts)])


@pytest.mark.parametrize(("from_hz", "to_hz"), PAIRS)
def test_frames_join_without_a_seam(from_hz, to_hz):
    pcm = _noise(from_hz)
    at_once = Resampler(from_hz, to_hz).push(pcm).astype(int)
    framed = _in_pieces(Resampler(from_hz, to_hz), pcm, [from_hz // 50] * 50)
    assert np.abs(framed - at_once).max() <= ROUNDING


@settings(deadline=None)
@given(st.sampled_from(PAIRS), st.lists(st.integers(0, 700), min_size=1, max_size=12))
def test_so_do_pieces_of_any_size_and_none_comes_late(pair, sizes):
    from_hz, to_hz = pair
    pcm = _noise(sum(sizes))
    resampler, made, given_so_far = Resampler(from_hz, to_hz), [], 0
    for piece in np.split(pcm, np.cumsum(sizes)[:-1]):
        made.append(resampler.push(piece))
        given_so_far += len(piece)
        assert sum(map(len, made)) == -(-given_so_far * to_hz // from_hz)
    at_once = Resampler(from_hz, to_hz).push(pcm).astype(int)
    assert np.abs(np.concatenate(made) - at_once).max(initial=0) <= ROUNDING


@pytest.mark.parametrize(("from_hz", "to_hz"), PAIRS)
def test_every_20_ms_give_20_ms_at_once(from_hz, to_hz):
    resampler = Resampler(from_hz, to_hz)
    for _ in range(5):
        out = resampler.push(np.zeros(from_hz // 50, np.int16))
        assert out.shape == (to_hz // 50,) and out.dtype == np.int16


def test_equal_rates_pass_through():
    pcm = _noise(160)
    assert Resampler(8000, 8000).push(pcm).tolist() == pcm.tolist()


@pytest.mark.parametrize("rates", [(44100, 8000), (8000, 0)])
def test_a_rate_that_no_leg_has_is_refused(rates):
    with pytest.raises(ValueError, match="no resampler for"):
        Resampler(*rates)
