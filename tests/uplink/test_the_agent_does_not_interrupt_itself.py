"""A raw line returns the agent's voice; nobody but the agent speaks."""

import pytest

from bridge.profile import LegProfile
from sip_plugin.demo.echo import EchoPath
from tests.uplink.line import NO_CANCELLER, RAW, agent_talks, hear, noise

SECS = 14.0


def call(erl_db: float, delay_ms: float, profile: LegProfile = RAW, noise_dbfs: float = -60.0):
    line = EchoPath(erl_db, delay_ms)
    return hear(noise(SECS, noise_dbfs), agent_talks(SECS), echo=line, profile=profile)


@pytest.mark.parametrize("erl_db", [6, 12, 18, 24])
@pytest.mark.parametrize("delay_ms", [20, 60, 120, 250])
def test_an_echo_on_the_line_cancels_no_reply(erl_db, delay_ms):
    assert call(erl_db, delay_ms).cancels == []


@pytest.mark.parametrize("erl_db", [6, 12, 18, 24])
def test_a_noisy_line_does_not_hide_the_echo_from_the_canceller(erl_db):
    assert call(erl_db, 120, noise_dbfs=-45.0).cancels == []


def test_without_a_canceller_the_same_line_cancels_the_replies():
    assert len(call(12, 120, NO_CANCELLER).cancels) >= 3


def test_the_echo_is_gone_from_what_the_model_hears():
    heard = call(12, 120)
    assert heard.suppressed_db(2.5, 4.0) > 10.0  # the very first reply
    assert heard.suppressed_db(6.0, SECS) > 20.0


def test_the_canceller_rests_while_the_agent_is_silent():
    heard = call(12, 120)
    assert heard.uplink.stats.cancelled_frames < 0.85 * heard.uplink.stats.frames
