"""SIGTERM to one of two hosts, under calls: those that run end in peace, new ones go elsewhere."""

import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard
from tests.kamailio.conftest import NUMBER, wait_quiet

pytestmark = [pytest.mark.peer("kamailio"), pytest.mark.peer("sipp")]


def test_no_call_is_lost_while_a_host_drains_and_comes_back(edge, hosts, sipp, rtp_peer):
    draining, staying = hosts
    said = speech.load("turn_1")
    peers = [rtp_peer(), rtp_peer()]
    long = []
    for peer in peers:  # in turn: one call on each host
        caller = sipp("call", edge.address, NUMBER, rtp_port=peer.port, stay_ms=8000)
        peer.send_to(caller.remote_rtp_port())
        long.append(caller)
    assert [len(host.plugin.running_calls()) for host in hosts] == [1, 1]

    new = sipp("call", edge.address, NUMBER, calls=12, rate=3, stay_ms=100)
    draining.plugin.drain()
    # The long call of the host that drains still has its audio, both ways.
    edge.wait_host(draining.address, active=False)
    for peer in peers:
        peer.say(said)
    spoken_ms = [peer.wait_said() / 8 for peer in peers]
    new.wait_passed()
    for caller in long:
        caller.wait_passed()
    for peer, after_ms in zip(peers, spoken_ms, strict=True):
        assert_heard(said, peer.heard(), after_ms=after_ms)
    assert draining.plugin.process.wait(15) == 0

    draining.plugin.stop()
    draining.start_again()
    edge.wait_host(draining.address, active=True)
    wait_quiet(*hosts)
    before = staying.answered
    sipp("call", edge.address, NUMBER, calls=6, rate=5, stay_ms=100).wait_passed()
    wait_quiet(*hosts)
    # In turn; on a busy machine one that is slow to answer loses its call to the other.
    answered = [draining.answered, staying.answered - before]
    assert sum(answered) == 6 and min(answered) > 0


def test_a_host_without_its_model_is_left_out(edge_with, hosts, sipp, gateway):
    """It answers OPTIONS with 503 from the moment that its model is gone."""
    own_model = gateway()
    lonely, healthy = hosts
    lonely.use_model(own_model)
    edge = edge_with([host.address for host in hosts])
    edge.wait_host(lonely.address, active=True)
    own_model.process.stop()
    edge.wait_host(lonely.address, active=False)

    sipp("call", edge.address, NUMBER, calls=4, rate=5, stay_ms=100).wait_passed()
    wait_quiet(*hosts)
    assert [lonely.answered, healthy.answered] == [0, 4]
