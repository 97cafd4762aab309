"""Hold and resume from our side: the agent is silent meanwhile, and both are heard after it."""

import numpy as np
import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard
from tests.peers.waves import level_dbfs

pytestmark = pytest.mark.peer("sipp")


def test_the_call_goes_on_after_a_hold(line, sipp, rtp_peer):
    said = speech.load("turn_1")
    peer = rtp_peer()
    caller = sipp("held_by_us", line.address, rtp_port=peer.port, stay_ms=6500)
    peer.send_to(caller.remote_rtp_port())
    sid = line.wait_call("in_progress")["sid"]

    assert line.ask("POST", f"/v1/calls/{sid}/hold")[0] == 202
    caller.wait_said("HELD")
    line.wait_event(sid, "media_started", direction="sendonly")
    peer.say(said)  # to nobody
    held_ms = peer.wait_said() / 8
    assert line.ask("POST", f"/v1/calls/{sid}/resume")[0] == 202
    caller.wait_said("RESUMED")
    line.wait_event(sid, "media_started", count=2, direction="sendrecv")
    peer.say(said)
    spoken_ms = peer.wait_said() / 8
    caller.wait_passed()

    heard = peer.heard()
    assert level_dbfs(heard[: round(held_ms * 8)]) < -60
    assert_heard(said, heard, after_ms=spoken_ms)
    call = line.wait_ended(sid)
    assert call["ended_by"] == "caller"
    assert call["report"]["bridge"]["commits"] == 1
    assert call["report"]["rtp"]["while_held"] > 50
    assert np.any(heard)
    assert line.ask("POST", f"/v1/calls/{sid}/hold")[0] == 409
