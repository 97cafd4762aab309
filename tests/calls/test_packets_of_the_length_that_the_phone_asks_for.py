"""Phones with packets of 10 to 60 ms: theirs are heard, and ours have their length."""

import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard

pytestmark = pytest.mark.peer("sipp")


@pytest.mark.parametrize("ptime_ms", [10, 30, 60])
def test_both_sides_are_heard(line, sipp, rtp_peer, ptime_ms):
    said = speech.load("turn_1")
    peer = rtp_peer(ptime_ms=ptime_ms)
    caller = sipp("call", line.address, rtp_port=peer.port, stay_ms=6000, ptime_ms=ptime_ms)
    peer.send_to(caller.remote_rtp_port())
    peer.say(said)
    spoken_ms = peer.wait_said() / 8

    caller.wait_passed()

    assert_heard(said, peer.heard(), after_ms=spoken_ms)
    assert peer.packet_lengths == {ptime_ms}
    report = line.wait_ended(line.calls()[0]["sid"])["report"]["rtp"]
    assert report["lost"] == report["concealed"] == 0
