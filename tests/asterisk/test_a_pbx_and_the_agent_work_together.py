"""The three set-ups of docs/asterisk.md, with its own configuration files."""

import re

import pytest

from sip_plugin.demo import speech
from tests.asterisk.conftest import CONFIGURATION, wait_ended
from tests.calls.hearing import assert_heard, duration_ms
from tests.peers.asterisk import PASSWORD

pytestmark = pytest.mark.peer("asterisk")


@pytest.fixture
def said():
    return speech.load("turn_1")


def test_the_extension_that_the_plugin_registered_as_is_answered(set_up, said):
    asterisk, plugin, agents = set_up()
    asterisk.add_prompt("turn", said)

    placed = asterisk.originate(dial="6001", prompt="turn", listen_secs=4)

    plugin.wait_call("completed", timeout_secs=25)
    wait_ended(asterisk)
    spoken_ms = assert_heard(said, placed.recording("tx")) + duration_ms(said)
    assert_heard(said, placed.recording("rx"), after_ms=spoken_ms)
    assert agents.told()["x-original-number"] == "6001"


def test_a_number_reaches_the_agent_over_the_ip_trunk(set_up, said):
    asterisk, plugin, agents = set_up()
    asterisk.add_prompt("turn", said)

    placed = asterisk.originate(dial="+15551234567", prompt="turn", listen_secs=4)

    call = plugin.wait_call("completed", timeout_secs=25)
    wait_ended(asterisk)
    assert (call["called"], call["caller"]) == ("+15551234567", "+15557650000")
    told = agents.told()
    assert (told["called"], told["x-original-number"]) == ("+15551234567", "+15551234567")
    spoken_ms = assert_heard(said, placed.recording("tx")) + duration_ms(said)
    assert_heard(said, placed.recording("rx"), after_ms=spoken_ms)


def test_a_live_call_is_handed_to_the_agent_and_taken_back(set_up, said):
    """Attendant, agent, and after its transfer an extension of the PBX: one caller hears all."""
    asterisk, plugin, agents = set_up(transfer_to="talk-desk")
    desk = speech.load("turn_2")
    asterisk.add_prompt("turn", said)
    asterisk.add_prompt("desk", desk)

    placed = asterisk.originate(dial="live", prompt="turn", listen_secs=12)

    call = plugin.wait_call("completed", timeout_secs=30)
    assert call["cause"] == "transferred"
    told = agents.told()
    assert (told["x-original-number"], told["x-account"]) == ("+15550009999", "acme")
    wait_ended(asterisk)
    spoken_ms = assert_heard(said, placed.recording("tx")) + duration_ms(said)
    agent_ms = assert_heard(said, placed.recording("rx"), after_ms=spoken_ms) + duration_ms(said)
    assert_heard(desk, placed.recording("rx"), after_ms=agent_ms)


def test_an_agent_that_hangs_up_leaves_the_caller_to_the_dialplan(set_up, said):
    """And one that is not there: the call goes on at no-agent."""
    asterisk, plugin, _ = set_up()
    plugin.stop()
    asterisk.originate(dial="live", listen_secs=2)
    asterisk.wait_message("no agent: ")
    wait_ended(asterisk)


def test_both_files_use_one_password():
    endpoint = (CONFIGURATION / "pjsip_sip_plugin.conf").read_text()
    plugin = (CONFIGURATION / "sip-plugin.toml").read_text()
    (password,) = re.findall(r"(?m)^password=(.+)$", endpoint)
    assert f'sip_password = "{password}"' in plugin
    assert password != PASSWORD
