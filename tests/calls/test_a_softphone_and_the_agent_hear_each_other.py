"""baresip, called and calling: both recordings of the softphone have both voices."""

import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard
from tests.peers.plugin import agent, ip_trunk
from tests.peers.waves import RATE_HZ

pytestmark = pytest.mark.peer("baresip")


def test_the_softphone_calls_the_agent(line, baresip):
    said = speech.load("turn_1")
    phone = baresip(said=said)

    phone.dial(f"sip:+15551234567@{line.address}")
    phone.wait_established()
    call = line.wait_call("in_progress")
    line.wait_event(call["sid"], "reply_end")
    phone.hang_up()
    phone.wait_ended()

    assert line.wait_ended(call["sid"])["cause"] == "caller_hangup"
    _assert_both_heard(said, phone, line)


def test_the_agent_calls_the_softphone(plugin, model, baresip):
    said = speech.load("turn_1")
    phone = baresip(said=said)
    calling = plugin(trunks={"phones": ip_trunk(phone.address)}, agents={"parrot": agent(model)})

    status, placed = calling.ask("POST", "/v1/calls", {"number": "phone", "agent": "parrot"})
    assert status == 201, placed
    phone.wait_established()
    calling.wait_event(placed["sid"], "reply_end")
    calling.ask("DELETE", f"/v1/calls/{placed['sid']}")
    phone.wait_ended()

    ended = calling.wait_ended(placed["sid"])
    assert (ended["state"], ended["direction"]) == ("completed", "outbound")
    _assert_both_heard(said, phone, calling)


def _assert_both_heard(said, phone, plugin) -> None:
    sent = phone.sent()
    # A softphone's jitter buffer may swallow the first frames of its call.
    start = round(0.1 * RATE_HZ)
    spoken_ms = assert_heard(said[start:], sent) + (len(said) - start) / 8
    assert_heard(said, phone.heard(), after_ms=spoken_ms - 500)
    record = plugin.record()
    assert_heard(said[start:], record[:, 0])
    assert_heard(said, record[:, 1])
