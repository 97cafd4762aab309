"""Processes that have their CPU in slices are late for packets, which is no queue of the path's."""

import pytest

from bridge.quic.datagram import Datagram
from tests.quic.pair import Pair
from tests.quic.simulated import PACKET, TICK, PathModel, Simulation, in_slices

PACKETS = 60
"""A tick of 100 calls of PCM16 at 16 kHz."""
SLICE = 0.01


@pytest.mark.parametrize("rtt", [0.001, 0.05])
@pytest.mark.parametrize("pause", [0.03, 0.06, 0.09])
def test_who_takes_packets_late_is_sent_all_the_same(rtt: float, pause: float):
    call = Simulation(PathModel(rtt=rtt), PACKETS, there=in_slices(SLICE, pause))
    out = call.run(12.0)
    assert out.shed < 0.03 * out.offered
    assert max(out.delays(since=3.0)) < rtt + pause + TICK


@pytest.mark.parametrize("rtt", [0.001, 0.05])
@pytest.mark.parametrize("pause", [0.03, 0.06])
def test_with_both_late_a_frame_waits_for_both_and_no_more(rtt: float, pause: float):
    path = PathModel(rtt=rtt)
    here, there = in_slices(SLICE, pause), in_slices(SLICE, pause, 0.013)
    call = Simulation(path, PACKETS, here=here, there=there)
    out = call.run(12.0)
    assert out.shed < 0.1 * out.offered
    assert max(out.delays(since=4.0)) < rtt / 2 + 2 * (pause + TICK)


@pytest.mark.parametrize("rtt", [0.001, 0.05])
def test_a_bottleneck_is_seen_through_it(rtt: float):
    path = PathModel(rtt=rtt, rate=0.6 * PACKETS * PACKET / TICK)
    here, there = in_slices(SLICE, 0.03), in_slices(SLICE, 0.03, 0.013)
    call = Simulation(path, PACKETS, here=here, there=there)
    call.run(5.0)
    path.deepest = 0.0
    out = call.run(15.0)
    assert call.model.backed_off > 0
    assert out.rate(5.0, 15.0) > 0.8 * path.rate
    assert path.deepest < 0.25


def test_the_room_for_pauses_goes_with_them():
    busy = in_slices(SLICE, 0.09)

    def takes(at: float) -> float:
        return busy(at) if at < 5.0 else at

    call = Simulation(PathModel(rtt=0.05), PACKETS, there=takes)
    call.run(5.0)
    room = call.model.burst / call.model.bandwidth
    call.run(6.0)
    assert room > 0.1
    assert call.model.burst / call.model.bandwidth == pytest.approx(2 * TICK, rel=0.01)


def test_who_has_too_little_cpu_is_sent_less():
    """What lies in the other side's socket grows, whatever its process says of it."""
    path = PathModel(rtt=0.01)
    free_at = 0.0

    def takes(at: float) -> float:
        nonlocal free_at
        free_at = max(free_at, at) + TICK / PACKETS / 0.6
        return free_at

    call = Simulation(path, PACKETS, there=takes)
    call.run(5.0)
    out = call.run(20.0)
    assert call.model.backed_off > 0
    assert 0.3 * out.offered < out.shed < 0.6 * out.offered
    assert max(out.delays(since=10.0)) < 0.6


def test_the_word_of_the_other_side_reaches_the_model():
    pair = Pair()
    said: list[tuple[float, float, float]] = []
    model = pair.internals.model
    model.on_rtt = lambda rtt, now, there, here: said.append((rtt, there, here))  # type: ignore[method-assign]
    pair.internals.pending.append(Datagram(b"frame"))
    pair.send()
    # It comes after 10 ms, lies for 60, and the acknowledgement for 30.
    pair.now += 0.01
    pair.deliver_all()
    pair.now += 0.06
    pair.server.handle_timer(now=pair.now)
    pair.back += [data for data, _ in pair.server.datagrams_to_send(now=pair.now)]
    pair.internals.received(0.03)
    pair.answer()
    (rtt, there, here) = said[-1]
    assert rtt == pytest.approx(0.07)
    assert there == pytest.approx(0.06, abs=0.001)
    assert here == 0.03
