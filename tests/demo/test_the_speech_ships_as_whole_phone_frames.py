"""Other tests and the demo play these lines, so their shape is a promise."""

import numpy as np
import pytest

from bridge.audio.frames import FRAME_SAMPLES, PHONE_RATE_HZ
from sip_plugin.demo import speech


def level_dbfs(frame):
    return 10 * np.log10(np.mean(frame.astype(float) ** 2) / 32768**2 + 1e-12)


@pytest.mark.parametrize("name", [*speech.TURNS, speech.BARGE_IN, speech.BACKCHANNEL])
def test_a_line_is_speech_from_its_first_frame_to_its_last(name):
    pcm = speech.load(name)
    assert pcm.dtype == np.int16 and len(pcm) % FRAME_SAMPLES == 0
    assert level_dbfs(pcm[:FRAME_SAMPLES]) > -50
    assert level_dbfs(pcm[-FRAME_SAMPLES:]) > -50


@pytest.mark.parametrize("name", [*speech.TURNS, speech.BARGE_IN])
def test_a_turn_is_longer_than_any_backchannel(name):
    assert 1.5 <= len(speech.load(name)) / PHONE_RATE_HZ <= 4.0


def test_the_backchannel_is_too_short_to_be_a_turn():
    assert 0.15 <= len(speech.load(speech.BACKCHANNEL)) / PHONE_RATE_HZ <= 0.55


def test_an_unknown_line_is_an_error():
    with pytest.raises(FileNotFoundError):
        speech.load("turn_99")
