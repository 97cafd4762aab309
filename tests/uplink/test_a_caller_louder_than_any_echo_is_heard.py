"""Who is clearly louder than anything that the line returns is no echo, though the canceller, which
does not know the line yet, takes him for one."""

import pytest

from bridge.audio.echo_bound import HOLD_FRAMES, EchoBound
from bridge.turn.options import TurnOptions
from sip_plugin.demo import speech
from sip_plugin.demo.echo import EchoPath
from tests.uplink.line import agent_talks, at_level, hear, noise, placed

NOISE_DBFS = -60.0
SENT_DBFS = -20.0
SECOND = 50


def bound(return_db: float = -15.0, secs: float = 1.0) -> EchoBound:
    """Of a line that has returned the agent so loud for so long."""
    made = EchoBound()
    say(made, return_db, secs)
    return made


def say(made: EchoBound, return_db: float, secs: float) -> list[bool]:
    """The agent speaks; whether each frame that comes back is the caller's."""
    exceeded = []
    for _ in range(round(secs * SECOND)):
        made.push(SENT_DBFS, SENT_DBFS + return_db, NOISE_DBFS)
        exceeded.append(made.exceeded)
    return exceeded


def test_what_comes_back_as_loud_as_ever_is_no_caller():
    assert not any(say(bound(), -15.0, 10.0)) and not any(say(bound(), -11.0, 10.0))


def test_two_frames_that_are_louder_are_a_caller_and_one_is_a_click():
    assert not any(say(bound(), -7.0, 0.02))
    assert say(bound(), -7.0, 0.06) == [False, True, True]


def test_he_is_taken_to_go_on_through_a_gap_between_syllables():
    made = bound()
    say(made, -7.0, 0.1)
    assert say(made, -30.0, 1.0).count(True) == HOLD_FRAMES - 1


def test_nothing_is_known_in_the_first_half_second():
    made = EchoBound()
    assert not any(say(made, -3.0, 0.48))


def test_a_caller_who_spoke_now_and_then_does_not_raise_the_bound():
    made = bound(secs=2.0)
    for _ in range(5):
        say(made, -3.0, 0.5)
        say(made, -15.0, 1.0)
    assert any(say(made, -7.0, 0.06))


def test_a_line_that_returns_more_than_before_is_followed():
    made = bound(secs=10.0)
    assert not any(say(made, -3.0, 10.0)[-2 * SECOND :])


def test_nothing_of_a_reply_lasts_until_the_next():
    made = bound()
    assert any(say(made, -7.0, 0.1))
    made.reply_ended()
    assert not any(say(made, -15.0, 1.0))


@pytest.mark.parametrize("erl_db", [18, 24])
def test_a_barge_in_into_the_first_reply_of_a_noisy_line_is_confirmed(erl_db):
    began = 3.0
    caller = placed(6.0, (began, at_level(speech.load("barge_in"), -22.0))) + noise(6.0, -40.0)
    options = TurnOptions(preset="phone")
    heard = hear(caller, agent_talks(6.0), echo=EchoPath(erl_db, 120), options=options)
    [at_ms] = heard.cancels
    assert began * 1000 < at_ms < began * 1000 + 800


def test_the_agent_does_not_pass_for_a_caller_on_that_line():
    options = TurnOptions(preset="phone")
    for erl_db in (6, 12, 18, 24):
        agent = agent_talks(20.0)
        heard = hear(noise(20.0, -40.0), agent, echo=EchoPath(erl_db, 120), options=options)
        assert heard.cancels == []
