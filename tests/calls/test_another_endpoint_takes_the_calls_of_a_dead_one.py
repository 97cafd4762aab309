"""Two model servers, of which one dies: calls go on at the other, and new ones go there."""

import pytest

from tests.peers.plugin import TOKEN, agent, ip_trunk

pytestmark = pytest.mark.peer("sipp")


def greeter(endpoints: dict, **fields) -> dict:
    """Each gateway of these tests has a certificate of its own making."""
    fields = {"agent": "greeter", "greets_first": True, "open_timeout_secs": 6, **fields}
    return {"endpoints": endpoints, "token": TOKEN, "tls": {"verify": False}, **fields}


def test_during_a_call_and_before_the_next(plugin, gateway, sipp, rtp_peer):
    first, second = gateway(), gateway()
    endpoints = {first.endpoint: 1, second.endpoint: 0}
    pair = plugin(
        trunks={"loop": ip_trunk()},
        agents={"greeter": greeter(endpoints)},
        dialplan={"default": {"agent": "greeter"}},
    )
    peer = rtp_peer()
    caller = sipp("call_until_bye", pair.address, rtp_port=peer.port)
    peer.send_to(caller.remote_rtp_port())
    sid = pair.wait_call("in_progress")["sid"]
    pair.wait_event(sid, "reply_end")

    first.stop()

    moved = pair.wait_event(sid, "endpoint_failed")["data"]
    assert (moved["gone"], moved["next"]) == (first.endpoint, second.endpoint)
    assert pair.call(sid)["state"] == "in_progress"
    pair.ask("DELETE", f"/v1/calls/{sid}")
    caller.wait_passed()
    model = pair.wait_ended(sid)["report"]["model"]
    assert (model["endpoint"], model["failovers"]) == (second.endpoint, 1)
    assert model["downlink_received"] > 0 and model["uplink_frames"] > 0

    again = sipp("call", pair.address, rtp_port=peer.port, formats=peer.formats, stay_ms=1500)
    again.wait_passed()
    call = pair.wait_ended(pair.calls()[0]["sid"])
    assert call["sid"] != sid and call["cause"] == "caller_hangup"
    model = call["report"]["model"]
    assert (model["endpoint"], model["failovers"]) == (second.endpoint, 0)
    told = [event["event"] for event in pair.events(call["sid"])]
    assert "reply_start" in told and "endpoint_failed" not in told, "it was known to be down"
    text = pair.ask("GET", "/metrics")[1]
    assert 'sip_plugin_call_events_total{event="endpoint_failed"} 1.0' in text


def test_an_endpoint_that_says_nothing_costs_its_share_of_the_time(
    plugin, model, silent_model, sipp, rtp_peer
):
    endpoints = {silent_model.endpoint: 1, model.endpoint: 0}
    pair = plugin(
        trunks={"loop": ip_trunk()},
        agents={"greeter": greeter(endpoints, open_timeout_secs=3)},
        dialplan={"default": {"agent": "greeter"}},
    )
    peer = rtp_peer()
    caller = sipp("call", pair.address, rtp_port=peer.port, formats=peer.formats, stay_ms=1500)
    caller.wait_passed()
    call = pair.wait_ended(pair.calls()[0]["sid"])
    told = call["report"]["model"]
    assert (told["endpoint"], told["failovers"]) == (model.endpoint, 1)


def test_when_all_are_gone_the_next_agent_answers(plugin, model, silent_model, sipp, rtp_peer):
    silent = {silent_model.endpoint: 1, "quic://127.0.0.1:9": 1}
    pair = plugin(
        trunks={"loop": ip_trunk()},
        agents={
            "gone": greeter(silent, open_timeout_secs=2),
            "greeter": agent(model, "greeter", greets_first=True),
        },
        dialplan={"default": {"agents": ["gone", "greeter"]}},
    )
    peer = rtp_peer()
    caller = sipp("call", pair.address, rtp_port=peer.port, formats=peer.formats, stay_ms=1000)
    caller.wait_passed()
    call = pair.wait_ended(pair.calls()[0]["sid"])
    assert call["agent"] == "greeter"
    told = [event["event"] for event in pair.events(call["sid"])]
    assert told.index("endpoint_failed") < told.index("agent_failed")
