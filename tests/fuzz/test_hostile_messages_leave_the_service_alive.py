"""A short run in CI; the long one is `python -m tests.fuzz` (docs/testing.md)."""

import random
import socket

import numpy as np
import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard
from tests.fuzz.caller import HostileCaller
from tests.fuzz.setting import DIALPLAN, TRUNK
from tests.sip.conftest import SipServer, start_sip  # noqa: F401

MESSAGES = 4000


@pytest.fixture(scope="session")
def sip_ports(ports):
    return ports


"""Whatever may be asked of it is allowed."""


def test_options_is_answered_after_each_thousand(start_sip):  # noqa: F811
    sip: SipServer = start_sip(trunks=TRUNK, dialplan=DIALPLAN)
    sip.worker(leases=64)
    caller = HostileCaller(sip.port, seed=20261123)
    try:
        for _ in range(MESSAGES // 1000):
            caller.send(1000)
            assert sip.process.poll() is None, sip.log[-3000:]
            assert sip.phone().options() == 200
    finally:
        caller.close()
    assert caller.answered > 5, "some of it must have come as far as a call"


@pytest.mark.peer("sipp")
def test_garbage_at_a_calls_media_ports_harms_nobody(line, sipp, rtp_peer):
    """RTP and RTCP nonsense, from strangers and from the phone's own address: it is still heard."""
    said = speech.load("turn_1")
    peer = rtp_peer()
    caller = sipp("call", line.address, rtp_port=peer.port, stay_ms=9000)
    port = caller.remote_rtp_port()
    peer.send_to(port)
    rng = random.Random(7)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.2", 0))
        for _ in range(3000):
            size = rng.choice((0, 1, 4, 12, 13, 172, 1400))
            head = bytes((rng.choice((0x80, 0x90, 0xBF, 0x81, 0)), rng.randrange(256)))
            packet = (head + rng.randbytes(size))[:size]
            for sock in (stranger, peer._socket):
                sock.sendto(packet, ("127.0.0.1", port + rng.randrange(2)))
    # The flood waits before it in the sockets, and is worked off while nothing is said.
    peer.say(np.concatenate([np.zeros(8000, np.int16), said]))
    after_ms = peer.wait_said() / 8
    caller.wait_passed()
    assert_heard(said, peer.heard(), after_ms=after_ms)
    assert line.is_ready()
