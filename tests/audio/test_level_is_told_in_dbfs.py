import numpy as np
import pytest

from bridge.audio.level import FLOOR_DBFS, dbfs


@pytest.mark.parametrize(
    ("frame", "level"),
    [
        (np.full(160, -32768, np.int16), 0.0),
        (np.full(160, 32767, np.int16), 0.0),
        (np.full(160, 3277, np.int16), -20.0),
        (np.full(160, 1, np.int16), -90.31),
        (np.zeros(160, np.int16), FLOOR_DBFS),
        (np.zeros(0, np.int16), FLOOR_DBFS),
    ],
)
def test_a_frame(frame, level):
    assert float(dbfs(frame)) == pytest.approx(level, abs=0.01)


def test_a_full_scale_sine_is_3_db_below():
    sine = (32767 * np.sin(2 * np.pi * np.arange(160) / 16)).astype(np.int16)
    assert float(dbfs(sine)) == pytest.approx(-3.01, abs=0.01)


def test_a_batch_is_its_frames():
    frames = np.random.default_rng(2).integers(-32768, 32768, (5, 160)).astype(np.int16)
    frames[3] = 0
    levels = dbfs(frames)
    assert levels.shape == (5,)
    assert levels == pytest.approx([float(dbfs(frame)) for frame in frames])


def test_an_empty_batch_has_no_levels():
    assert dbfs(np.zeros((0, 160), np.int16)).shape == (0,)
