"""The model hears a quiet caller louder, and never the noise swell between the words."""

import numpy as np

from bridge.audio.frames import FRAME_SAMPLES
from bridge.audio.level import dbfs
from bridge.audio.level_control import LevelControl
from tests.uplink.line import noise, to_int16


def run(control: LevelControl, pcm: np.ndarray, is_speech: bool) -> list[float]:
    levels = []
    for frame in to_int16(pcm).reshape(-1, FRAME_SAMPLES):
        levels.append(float(dbfs(control.push(frame, float(dbfs(frame)), is_speech))))
    return levels


def test_a_quiet_caller_is_raised_within_three_seconds():
    levels = run(LevelControl(), noise(3.0, -40.0), True)
    assert -41 < levels[0] < -39
    assert -26 < levels[-1] < -22


def test_a_loud_caller_is_left_as_he_is():
    assert abs(run(LevelControl(), noise(3.0, -15.0), True)[-1] + 15) < 1


def test_noise_alone_is_never_raised():
    assert max(run(LevelControl(), noise(10.0, -50.0), False)) < -48


def test_the_gain_stands_still_in_a_pause():
    control = LevelControl()
    run(control, noise(3.0, -40.0), True)
    before = control.gain_db
    pause = run(control, noise(5.0, -60.0), False)
    assert control.gain_db == before
    assert max(pause) - min(pause) < 3  # no swelling


def test_a_shout_after_whispering_is_not_clipped():
    control = LevelControl()
    run(control, noise(4.0, -40.0), True)
    shout = to_int16(np.tile([-26000.0, 26000.0], FRAME_SAMPLES // 2))
    control.push(shout, float(dbfs(shout)), True)
    again = control.push(shout, float(dbfs(shout)), True)
    assert np.abs(again.astype(int)).max() <= 32001
