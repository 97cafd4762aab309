"""The real VAD on recorded speech that has been through G.711."""

import numpy as np
import pytest

from bridge.turn.events import (
    Backchannel,
    BargeInArmed,
    BargeInRejected,
    Cancel,
    Commit,
    Prime,
    SpeechEnd,
    SpeechStart,
)
from sip_plugin.demo import speech
from tests.turn.recording import detect, line

SPEAKS = SpeechStart | SpeechEnd
QUIET, NOISY = -60.0, -40.0


def _decisions(events: list) -> list:
    return [event for event in events if not isinstance(event, SPEAKS)]


@pytest.mark.parametrize("noise_dbfs", [QUIET, NOISY])
@pytest.mark.parametrize("name", speech.TURNS)
def test_a_sentence_is_one_turn_that_commits_soon_after_its_end(name, noise_dbfs):
    pcm = speech.load(name)
    end_ms = 1000 + len(pcm) // 8
    prime, commit = _decisions(detect(line([(1000, pcm)], end_ms + 2000, noise_dbfs)))
    assert isinstance(prime, Prime) and isinstance(commit, Commit)
    # Half a second of silence, after a VAD that lets go up to 0.2 s late.
    assert 450 <= commit.at_ms - end_ms <= 750


def test_a_mhm_over_the_agent_leaves_it_the_floor():
    caller = line([(2000, speech.load(speech.BACKCHANNEL))], 5000)
    kinds = [type(event) for event in _decisions(detect(caller, agent=[(0, 5000)]))]
    assert kinds == [BargeInArmed, BargeInRejected, Backchannel]


def test_a_sentence_over_the_agent_stops_it():
    caller = line([(2000, speech.load(speech.BARGE_IN))], 6000)
    decisions = _decisions(detect(caller, agent=[(0, 2400)]))
    assert [type(event) for event in decisions] == [BargeInArmed, Cancel, Prime, Commit]
    assert decisions[1].at_ms - 2000 <= 500


def test_noise_hum_and_tones_are_not_speech():
    time = np.arange(8000 * 4) / 8000
    hum = 1000 * np.sin(2 * np.pi * 50 * time)
    ringback = 4000 * (np.sin(2 * np.pi * 440 * time) + np.sin(2 * np.pi * 480 * time))
    digit = 4000 * (np.sin(2 * np.pi * 770 * time) + np.sin(2 * np.pi * 1336 * time))
    for sound in (hum, ringback, digit):
        assert detect(line([(500, sound.astype(np.int16))], 5000, NOISY)) == []
