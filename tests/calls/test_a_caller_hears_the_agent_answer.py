"""sipp calls with media of our own: what was said comes back from the model, whole."""

import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard, duration_ms

pytestmark = pytest.mark.peer("sipp")


@pytest.mark.parametrize("codec", ["g711_ulaw", "g711_alaw"])
def test_the_parrot_repeats_what_the_caller_said(line, sipp, rtp_peer, codec):
    said = speech.load("turn_1")
    peer = rtp_peer(codec=codec)
    caller = sipp("call", line.address, rtp_port=peer.port, formats=peer.formats, stay_ms=6500)
    peer.send_to(caller.remote_rtp_port())
    sid = line.wait_call("in_progress")["sid"]
    peer.say(said)
    spoken_ms = peer.wait_said() / 8

    caller.wait_passed()

    assert_heard(said, peer.heard(), after_ms=spoken_ms)
    call = line.wait_ended(sid)
    assert (call["direction"], call["agent"], call["cause"]) == (
        "inbound",
        "parrot",
        "caller_hangup",
    )
    names = [event["event"] for event in line.events(sid)]
    wanted = ["speech_start", "prime", "speech_end", "commit", "reply_start", "reply_end"]
    assert [name for name in names if name in wanted] == wanted
    # Its recording has both sides too: left the caller, right the agent.
    record = line.record()
    heard_ms = assert_heard(said, record[:, 0])
    assert_heard(said, record[:, 1], after_ms=heard_ms + duration_ms(said))
