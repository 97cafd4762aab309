"""kill -9 of the SIP process: its calls' media stops, it is restarted, registers, takes calls."""

import os
import signal

import numpy as np
import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard, duration_ms
from tests.peers.asterisk import PASSWORD
from tests.peers.plugin import agent, ip_trunk

pytestmark = [pytest.mark.peer("asterisk"), pytest.mark.peer("sipp")]


def test_media_stops_and_calls_work_again(plugin, model, asterisk, sipp, rtp_peer):
    said = speech.load("turn_1")
    asterisk.add_prompt("turn", said)
    hit = plugin(
        trunks={
            "main": {"domain": asterisk.address, "sip_username": "1001", "sip_password": PASSWORD},
            "loop": ip_trunk(),
        },
        agents={"parrot": agent(model)},
        dialplan={"default": {"agent": "parrot"}},
    )
    first_pid = hit.processes()["sip"]["pid"]
    peer = rtp_peer()
    caller = sipp("call", hit.address, rtp_port=peer.port, stay_ms=30_000)
    peer.send_to(caller.remote_rtp_port())
    sid = hit.wait_call("in_progress")["sid"]
    peer.say(np.concatenate((said, said, said)))
    hit.wait_event(sid, "reply_start")

    os.kill(first_pid, signal.SIGKILL)

    # The reply had six seconds to go, and the phone is still sending.
    peer.wait_silence()
    call = hit.process.wait_until(
        lambda: hit.call(sid) if hit.call(sid)["state"] == "failed" else None, "the call to end"
    )
    assert call["cause"] == "sip_process_lost"
    caller.stop()
    restarted = hit.process.wait_until(
        lambda: hit.processes()["sip"] if hit.processes()["sip"]["restarts"] else None,
        "the SIP process to be restarted",
    )
    assert restarted["pid"] != first_pid
    hit.wait_ready()
    assert hit.trunk("main")["state"] == "registered"
    placed = asterisk.originate("1001", prompt="turn", listen_secs=4)
    hit.wait_ended(hit.wait_call("completed", 20)["sid"])
    spoken_ms = assert_heard(said, placed.recording("tx")) + duration_ms(said)
    assert_heard(said, placed.recording("rx"), after_ms=spoken_ms)
