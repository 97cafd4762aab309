"""A network that says why it does not connect, before the code that says so."""

import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import duration_ms
from tests.peers.asterisk import PASSWORD
from tests.peers.plugin import agent

pytestmark = pytest.mark.peer("asterisk")


def test_the_record_has_its_length_and_the_reason(plugin, asterisk, model):
    said = speech.load("turn_1")
    asterisk.add_prompt("nobody", said)
    account = {"domain": asterisk.address, "sip_username": "1001", "sip_password": PASSWORD}
    line = plugin(trunks={"main": account}, agents={"parrot": agent(model)})
    status, placed = line.ask("POST", "/v1/calls", {"number": "early-nobody", "agent": "parrot"})
    assert status == 201, placed
    call = line.wait_ended(placed["sid"])
    assert (call["state"], call["cause"], call["ended_by"]) == (
        "failed",
        "unknown_number",
        "callee",
    )
    assert call["code"] == 404
    assert call["announcement_secs"] >= duration_ms(said) / 1000 - 0.5
    assert [e["event"] for e in line.events(call["sid"])].count("early_media") >= 1
