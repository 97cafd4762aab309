"""kill -9 of one media worker: its calls end with BYE and a reason, the others do not notice."""

import os
import signal

import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard, duration_ms
from tests.peers.plugin import agent, ip_trunk
from tests.peers.process import wait_until

pytestmark = pytest.mark.peer("sipp")


def test_calls_of_the_other_worker_go_on_and_the_dead_one_comes_back(plugin, model, sipp, rtp_peer):
    said = speech.load("turn_1")
    hit = plugin(
        trunks={"loop": ip_trunk()},
        agents={"parrot": agent(model)},
        dialplan={"default": {"agent": "parrot"}},
        media={"workers": 2},
    )
    hit.process.wait_until(
        lambda: all(child["connected"] for child in hit.processes().values()), "both workers"
    )
    calls = []
    while not all(child["calls"] for child in _workers(hit)):
        assert len(calls) < 4, f"four calls, and yet a worker has none: {_workers(hit)}"
        peer = rtp_peer()
        caller = sipp("call_until_bye", hit.address, rtp_port=peer.port)
        peer.send_to(caller.remote_rtp_port())
        calls.append((caller, peer))
        hit.process.wait_until(
            lambda: sum(child["calls"] for child in _workers(hit)) == len(calls),
            "the workers to tell of their calls",
        )
    victim = min(_workers(hit), key=lambda child: child["calls"])

    os.kill(victim["pid"], signal.SIGKILL)

    ended = wait_until(lambda: [c for c in calls if not c[0].process.running], "a BYE")
    assert [caller.process.exit_code for caller, _ in ended] == [0]
    assert "cause=503" in ended[0][0].wait_passed()
    call = hit.wait_call("failed")
    assert call["cause"] == "worker_lost"
    for caller, peer in calls:
        if (caller, peer) in ended:
            continue
        assert caller.process.running
        peer.say(said)
        spoken_ms = peer.wait_said() / 8
        reply_ends_ms = spoken_ms + duration_ms(said) + 1500
        wait_until(lambda peer=peer, ms=reply_ends_ms: len(peer.heard()) / 8 > ms, "the agent")
        assert_heard(said, peer.heard(), after_ms=spoken_ms)
    hit.process.wait_until(
        lambda: next(c for c in _workers(hit) if c["name"] == victim["name"])["leases"],
        "the worker to be back with ports",
        20,
    )
    for child in _workers(hit):
        assert child["restarts"] == (1 if child["name"] == victim["name"] else 0)
    for call in hit.running_calls():
        hit.ask("DELETE", f"/v1/calls/{call['sid']}")
    for caller, _ in calls:
        caller.wait_passed()


def _workers(plugin) -> list[dict]:
    return [child for name, child in plugin.processes().items() if name != "sip"]
