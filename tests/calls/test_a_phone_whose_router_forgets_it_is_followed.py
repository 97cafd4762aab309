"""The phone's RTP comes from another port in mid-call, with no word of SIP about it."""

import random
import socket
import struct
import time

import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard, duration_ms
from tests.peers.waves import find

pytestmark = pytest.mark.peer("sipp")


def test_both_sides_are_heard_after_the_move_and_no_stranger_is(line, sipp, rtp_peer, ports):
    first, second = speech.load("turn_1"), speech.load("turn_2")
    peer = rtp_peer()
    caller = sipp("call_until_bye", line.address, rtp_port=peer.port)
    port = caller.remote_rtp_port()
    peer.send_to(port)
    peer.say(first)
    sid = line.wait_call("in_progress")["sid"]
    line.wait_event(sid, "reply_end")

    # Silent for as long as the move takes to be believed: what is lost meanwhile is nothing.
    peer.rebind(ports.pair())
    shout(port)
    moved = line.wait_event(sid, "source_moved")
    assert moved["data"]["remote"] == f"127.0.0.1:{peer._socket.getsockname()[1]}"
    peer.say(second)
    line.wait_event(sid, "reply_end", count=2)
    line.ask("DELETE", f"/v1/calls/{sid}")
    caller.wait_passed()
    report = line.wait_ended(sid)["report"]["rtp"]

    heard = peer.heard()
    back_ms = assert_heard(first, heard)
    assert_heard(second, heard, after_ms=back_ms + duration_ms(first))
    assert report["source_moves"] == 1
    assert report["foreign_source"] >= 25
    assert find(second, heard)[1] > 0.8


def shout(port: int) -> None:
    """A stranger's stream of its own to the call's port, for a second."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        ssrc, sequence = random.getrandbits(32), random.getrandbits(16)
        for n in range(50):
            number = (sequence + n) & 0xFFFF
            header = struct.pack("!BBHII", 0x80, 0, number, n * 160, ssrc)
            sock.sendto(header + bytes(160), ("127.0.0.1", port))
            time.sleep(0.02)
