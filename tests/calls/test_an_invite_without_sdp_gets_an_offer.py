"""Delayed offer (RFC 3261 section 13.2.1): our offer in the 200, the answer in the ACK."""

import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard

pytestmark = pytest.mark.peer("sipp")


def test_the_media_runs_on_the_answer_in_the_ack(line, sipp, rtp_peer):
    said = speech.load("turn_1")
    peer = rtp_peer()
    caller = sipp("no_sdp", line.address, rtp_port=peer.port, stay_ms=6500)
    peer.send_to(caller.remote_rtp_port())
    peer.say(said)
    spoken_ms = peer.wait_said() / 8

    told = caller.wait_passed()

    assert " 0" in told.split("OFFER")[1].splitlines()[0], "the offer has no PCMU"
    assert_heard(said, peer.heard(), after_ms=spoken_ms)
