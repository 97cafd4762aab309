"""REFER by Asterisk and Replaces by sipp: the agent's session goes on with another phone, which it
hears and which hears it."""

import re

import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard
from tests.peers.asterisk import PASSWORD
from tests.peers.plugin import agent, ip_trunk


def events(line, sid: str, name: str) -> list[dict]:
    return [event["data"] for event in line.events(sid) if event["event"] == name]


@pytest.mark.peer("asterisk")
def test_asterisk_sends_the_agent_on(plugin, asterisk, model):
    said, later = speech.load("turn_1"), speech.load("turn_2")
    asterisk.add_prompt("turn", said)
    asterisk.add_prompt("later", later)
    account = {"domain": asterisk.address, "sip_username": "1001", "sip_password": PASSWORD}
    line = plugin(
        trunks={"main": account},
        agents={"parrot": agent(model)},
        dialplan={"default": {"agent": "parrot", "accept_refer": ["_talk-!"]}},
    )
    target = f"sip:talk-later@{asterisk.address}"
    first = asterisk.originate("1001", prompt="turn", listen_secs=4, transfer=target)
    sid = line.wait_call("in_progress")["sid"]
    line.wait_event(sid, "moved", 25)
    line.wait_event(sid, "reply_end", count=2)
    line.ask("DELETE", f"/v1/calls/{sid}")
    call = line.wait_ended(sid)
    asterisk.wait_no_channels(20)
    assert (call["cause"], call["direction"]) == ("plugin_hangup", "inbound")
    assert len(line.calls()) == 1, "it is one call to the agent"
    assert events(line, sid, "referred") == [{"target": target}]
    assert_heard(said, first.recording("rx"))
    assert_heard(later, asterisk.last_recording("tx"))
    assert_heard(later, asterisk.last_recording("rx"))


@pytest.mark.peer("sipp")
def test_another_phone_takes_the_call_over(plugin, model, sipp, rtp_peer):
    line = plugin(
        trunks={"loop": ip_trunk()},
        agents={"parrot": agent(model)},
        dialplan={"default": {"agent": "parrot", "accept_replaces": True}},
    )
    said, later = speech.load("turn_1"), speech.load("turn_2")
    old, new = rtp_peer(), rtp_peer()
    first = sipp("call_until_bye", line.address, rtp_port=old.port)
    port = first.remote_rtp_port()
    old.send_to(port)
    sid = line.wait_call("in_progress")["sid"]
    old.say(said)
    line.wait_event(sid, "reply_end")
    answer = first.messages().partition("SIP/2.0 200 OK")[2]
    call_id, theirs, ours = (
        re.search(pattern, answer)[1]
        for pattern in (r"Call-ID: (\S+)", r"From: .*tag=(\S+)", r"To: .*tag=(\S+)")
    )
    keys = {"replaces": f"{call_id};to-tag={ours};from-tag={theirs}"}
    second = sipp("call_replacing", line.address, rtp_port=new.port, stay_ms=9000, keys=keys)
    assert second.remote_rtp_port() == port
    new.send_to(port)
    line.wait_event(sid, "replaced")
    first.wait_passed()
    until = old.packets
    new.say(later)
    spoken_ms = new.wait_said() / 8
    second.wait_passed()
    call = line.wait_ended(sid)
    assert call["cause"] == "caller_hangup" and len(line.calls()) == 1
    assert_heard(said, old.heard())
    assert_heard(later, new.heard(), after_ms=spoken_ms)
    assert old.packets - until <= 1, "the phone that was replaced hears nothing more"
