"""A line's noise passes the quiet gate, and comes and goes with the canceller: nobody speaks."""

import numpy as np
import pytest

from bridge.audio.level import FLOOR_DBFS
from bridge.audio.residual import SETTLING_FRAMES, Residual
from sip_plugin.demo import speech
from sip_plugin.demo.echo import EchoPath
from tests.uplink.line import agent_talks, at_level, hear, noise, placed

SECS = 14.0


@pytest.mark.parametrize("noise_dbfs", [-46.0, -42.0])
def test_noise_that_is_back_after_the_agent_is_no_onset(noise_dbfs):
    heard = hear(noise(SECS, noise_dbfs), agent_talks(SECS), echo=EchoPath(24, 120))
    assert heard.onsets == []


def test_a_caller_above_the_noise_is_heard():
    said = at_level(speech.load("turn_1"), -30.0)
    heard = hear(placed(5.0, (2.0, said)) + noise(5.0, -45.0))
    assert len(heard.onsets) >= 1 and 2000 <= heard.onsets[0] <= 2300


def noisy_line(noise_dbfs: float) -> Residual:
    """On which the canceller was just left."""
    residual = Residual()
    levels = np.random.default_rng(1).uniform(noise_dbfs, noise_dbfs + 3.0, 200)
    for level in levels:
        residual.gate_level(level)
    residual.left()
    return residual


def test_noise_that_is_back_is_what_is_as_quiet_as_the_quietest_frames():
    residual = noisy_line(-47.0)
    assert residual.gate_level(-44.0) == FLOOR_DBFS
    assert residual.gate_level(-35.0) == -35.0


def test_a_second_later_the_quiet_end_of_a_word_counts_again():
    residual = noisy_line(-47.0)
    for _ in range(SETTLING_FRAMES):
        residual.gate_level(-45.0)
    assert residual.gate_level(-44.0) == -44.0


def test_on_a_quiet_line_nothing_is_taken_for_noise():
    residual = noisy_line(-60.0)
    assert residual.gate_level(-57.0) == -57.0
