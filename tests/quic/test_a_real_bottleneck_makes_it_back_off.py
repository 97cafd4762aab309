import pytest

from tests.quic.simulated import PACKET, PathModel, Simulation, random_loss

OFFERED = 11 * PACKET / 0.02
"""20 calls of PCM16 at 16 kHz: 5.3 Mbit/s."""


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("loss", [0.0, 0.03])
def test_it_sends_what_the_path_takes_and_builds_no_delay(share: float, loss: float):
    path = PathModel(rate=OFFERED * share, loss=random_loss(loss))
    call = Simulation(path, 11)
    out = call.run(30.0)
    got = out.rate(5.0, 30.0)
    assert got > 0.85 * OFFERED * share * (1 - loss)
    assert call.model.backed_off > 0
    steady = out.delays(since=5.0)
    # A quarter of a second is what may wait at the sender before it is shed, and the queue
    # at the bottleneck on top of the way there.
    assert steady[len(steady) // 2] < 0.2 + 0.025 + 0.06
    assert steady[int(len(steady) * 0.99)] < 0.2 + 0.025 + 0.12


def test_a_path_that_becomes_narrow_in_the_middle_of_a_call_is_noticed_within_a_second():
    path = PathModel()
    call = Simulation(path, 11)
    call.run(10.0)
    before = call.model.window
    path.rate = OFFERED * 0.4
    call.run(11.0)
    assert call.model.window < before / 2
    path.deepest = 0.0
    out = call.run(30.0)
    assert path.deepest < 0.12
    assert out.rate(12.0, 30.0) > 0.8 * path.rate


def test_a_path_that_becomes_wide_again_is_used_again():
    path = PathModel(rate=OFFERED * 0.4)
    call = Simulation(path, 11)
    call.run(15.0)
    path.rate = 0.0
    shed = call.run(20.0).shed
    out = call.run(30.0)
    assert out.shed == shed
    assert max(out.delays(since=20.0)) < 0.030


def test_a_policer_without_a_queue_is_obeyed():
    path = PathModel(rate=OFFERED * 0.5, queue_bytes=4 * PACKET)
    call = Simulation(path, 11)
    out = call.run(30.0)
    sent = out.offered - out.shed
    lost = 1 - len(out.delivered) / sent
    assert lost < 0.25
    assert out.rate(5.0, 30.0) > 0.7 * path.rate


def test_a_reply_far_ahead_of_real_time_fills_the_path_and_not_its_queue():
    path = PathModel(rate=500_000)
    call = Simulation(path, 0)
    call.greedy = True
    out = call.run(3.0)
    path.deepest = 0.0
    out = call.run(20.0)
    assert out.rate(3.0, 20.0) > 0.85 * path.rate
    assert path.deepest < 0.12


def test_two_senders_share_a_bottleneck():
    path = PathModel(rate=OFFERED)
    one, other = Simulation(path, 11), Simulation(path, 11)
    for ms in range(0, 30_000, 1):
        one.run(ms / 1000)
        other.run(ms / 1000)
    rates = [sim.out.rate(10.0, 30.0) for sim in (one, other)]
    assert sum(rates) > 0.8 * path.rate
    assert min(rates) > 0.2 * sum(rates)
