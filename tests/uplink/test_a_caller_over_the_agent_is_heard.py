"""The canceller takes the agent away, and leaves the caller who speaks over it."""

import pytest

from bridge.audio.frames import PHONE_RATE_HZ
from sip_plugin.demo import speech
from sip_plugin.demo.echo import EchoPath
from tests.uplink.line import agent_talks, at_level, hear, noise, placed

SECS = 9.0
BARGES_IN = 6.6
"""Into the second reply."""


def call(echo: EchoPath | None, level_dbfs: float = -24.0):
    barge_in = at_level(speech.load("barge_in"), level_dbfs)
    caller = placed(SECS, (BARGES_IN, barge_in)) + noise(SECS, -60.0)
    return hear(caller, agent_talks(SECS), echo=echo)


@pytest.mark.parametrize("erl_db", [6, 12, 18, 24])
def test_a_barge_in_through_the_echo_is_confirmed_within_a_second(erl_db):
    [at_ms] = call(EchoPath(erl_db, 120)).cancels
    assert BARGES_IN * 1000 < at_ms < BARGES_IN * 1000 + 1000


def test_a_line_without_echo_is_found_out_and_left_alone():
    alone = hear(noise(SECS, -60.0), agent_talks(SECS))
    assert alone.uplink.stats.echo_absent
    start_of_call, first_reply = 2.0 * 50, 2.0 * 50
    assert alone.uplink.stats.cancelled_frames < start_of_call + first_reply
    [at_ms] = call(None).cancels
    assert at_ms < BARGES_IN * 1000 + 600


def test_the_caller_keeps_his_level_while_both_speak():
    heard = call(EchoPath(18, 120))
    length = len(speech.load("barge_in")) / PHONE_RATE_HZ
    assert heard.suppressed_db(BARGES_IN, BARGES_IN + length) < 4.0
