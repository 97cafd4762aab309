"""G.722 as Asterisk speaks it: negotiated, and heard in both directions."""

import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard, duration_ms
from tests.peers.asterisk import PASSWORD
from tests.peers.plugin import agent

pytestmark = pytest.mark.peer("asterisk")


def test_both_sides_of_a_wideband_call(plugin, asterisk, model):
    said = speech.load("turn_1")
    asterisk.add_prompt("turn", said)
    account = {
        "domain": asterisk.address,
        "sip_username": "1002",
        "sip_password": PASSWORD,
        "codec_preferences": ["g722", "g711_ulaw"],
    }
    called = plugin(
        trunks={"main": account},
        agents={"parrot": agent(model)},
        dialplan={"default": {"agent": "parrot"}},
    )

    placed = asterisk.originate("1002", prompt="turn", listen_secs=4)
    call = called.wait_ended(called.wait_call("completed", timeout_secs=20)["sid"])

    started = [e for e in called.events(call["sid"]) if e["event"] == "media_started"]
    assert started[0]["data"]["codec"] == "g722"
    spoken_ms = assert_heard(said, placed.recording("tx")) + duration_ms(said)
    assert_heard(said, placed.recording("rx"), after_ms=spoken_ms)
    asterisk.wait_no_channels()
