"""Hold by re-INVITE (sendonly, inactive) and resume: no audio while held, all of it after."""

import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard

pytestmark = pytest.mark.peer("sipp")


def test_the_agent_is_heard_after_a_resume_and_not_during_a_hold(line, sipp, rtp_peer):
    said = speech.load("turn_1")
    peer = rtp_peer()
    caller = sipp("hold", line.address, rtp_port=peer.port, stay_ms=6500)
    peer.send_to(caller.remote_rtp_port())
    sid = line.wait_call("in_progress")["sid"]
    caller.wait_said("HELD")
    peer.mute()
    held_at = peer.packets
    caller.wait_said("INACTIVE")
    caller.wait_said("RESUMED")
    resumed_at = peer.packets
    peer.mute(False)
    peer.say(said)
    spoken_ms = peer.wait_said() / 8

    caller.wait_passed()

    # One packet may be on its way when the hold is answered.
    assert resumed_at - held_at <= 1
    assert_heard(said, peer.heard(), after_ms=spoken_ms)
    call = line.wait_ended(sid)
    assert call["cause"] == "caller_hangup"
