"""Calls that no agent takes: sipp's phone hears the file, and a BYE with its cause."""

import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard
from tests.peers.plugin import agent, ip_trunk
from tests.peers.waves import write_wav

pytestmark = pytest.mark.peer("sipp")


@pytest.fixture
def sorry(tmp_path):
    pcm = speech.load("turn_1")
    write_wav(tmp_path / "sorry.wav", pcm)
    return pcm, str(tmp_path / "sorry.wav")


def called(plugin, sipp, rtp_peer):
    peer = rtp_peer()
    caller = sipp("call_until_bye", plugin.address, rtp_port=peer.port)
    peer.send_to(caller.remote_rtp_port())
    return peer, caller


def test_a_route_with_a_prompt(plugin, sipp, rtp_peer, sorry):
    said, file = sorry
    alone = plugin(
        trunks={"loop": ip_trunk()},
        agents={},
        dialplan={"default": {"prompt": file, "hangup_cause": 31}},
    )

    peer, caller = called(alone, sipp, rtp_peer)

    assert "Q.850;cause=31" in caller.wait_passed()
    assert_heard(said, peer.heard())
    call = alone.wait_ended(alone.wait_call("completed")["sid"])
    assert call["cause"] == "prompt_ended"
    assert call["report"]["duration_ms"] >= len(said) / 8 - 200
    assert "prompt_ended" in [event["event"] for event in alone.events(call["sid"])]


def test_a_prompt_before_the_agent(plugin, model, sipp, rtp_peer, sorry):
    said, file = sorry
    greeter = agent(model, "greeter", greets_first=True)
    greeting = plugin(
        trunks={"loop": ip_trunk()},
        agents={"greeter": greeter},
        dialplan={"default": {"prompt": file, "agent": "greeter"}},
    )

    peer, caller = called(greeting, sipp, rtp_peer)
    sid = greeting.wait_call("in_progress")["sid"]
    greeting.wait_event(sid, "reply_end")
    greeting.ask("DELETE", f"/v1/calls/{sid}")

    caller.wait_passed()
    assert_heard(said, peer.heard())
    told = [event["event"] for event in greeting.events(sid)]
    assert told.index("prompt_ended") < told.index("reply_start")


def test_the_fallback_of_an_agent_that_is_lost_and_then_cannot_be_reached(
    plugin, gateway, sipp, rtp_peer, sorry
):
    said, file = sorry
    lost = gateway()
    parrot = agent(lost, open_timeout_secs=2, fallback={"prompt": file, "hangup_cause": 41})
    alone = plugin(
        trunks={"loop": ip_trunk()},
        agents={"parrot": parrot},
        dialplan={"default": {"agent": "parrot"}},
    )
    peer, caller = called(alone, sipp, rtp_peer)
    alone.wait_call("in_progress")

    lost.stop()

    assert "Q.850;cause=41" in caller.wait_passed()
    assert_heard(said, peer.heard())
    call = alone.wait_call("failed")
    assert call["cause"] == "model_failed"
    assert "fallback" in [event["event"] for event in alone.events(call["sid"])]

    peer, caller = called(alone, sipp, rtp_peer)
    assert "Q.850;cause=41" in caller.wait_passed()
    assert_heard(said, peer.heard())


def test_a_refusal_that_is_announced_is_never_answered(plugin, sipp, rtp_peer, sorry):
    said, file = sorry
    alone = plugin(
        trunks={"loop": ip_trunk()},
        agents={},
        dialplan={"default": {"prompt": file, "reject": 404}},
    )
    peer = rtp_peer()
    caller = sipp("announced_404", alone.address, rtp_port=peer.port)
    peer.send_to(int(caller.wait_said(r"EARLY (\d+)")[1]))

    caller.wait_passed()
    assert_heard(said, peer.heard())
    call = alone.wait_ended(alone.wait_call("failed")["sid"])
    assert (call["cause"], call["code"]) == ("refused", 404)
