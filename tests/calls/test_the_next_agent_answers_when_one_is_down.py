"""The first agent's model never answers: the second takes the call, on the port of the SDP."""

import pytest

from tests.peers.plugin import agent, ip_trunk

pytestmark = pytest.mark.peer("sipp")


def test_the_caller_hears_the_second_agent(plugin, model, silent_model, sipp, rtp_peer):
    two = plugin(
        trunks={"loop": ip_trunk()},
        agents={
            "gone": agent(silent_model, open_timeout_secs=1),
            "greeter": agent(model, "greeter", greets_first=True),
        },
        dialplan={"default": {"agents": ["gone", "greeter"]}},
    )
    peer = rtp_peer()
    caller = sipp("call", two.address, rtp_port=peer.port, formats=peer.formats, stay_ms=4000)

    call = two.wait_call("in_progress")
    assert call["agent"] == "greeter"
    caller.wait_passed()

    ended = two.wait_ended(call["sid"])
    assert ended["cause"] == "caller_hangup"
    assert ended["report"]["rtp"]["sent"] > 100
    told = [event["event"] for event in two.events(call["sid"])]
    assert told.index("agent_failed") < told.index("media_started")
    assert "reply_start" in told or "reply_end" in told, told
    assert told.count("report") == 1, "of the call, and of no attempt"
