from functools import partial

import pytest

from tests.quic.simulated import PathModel, Simulation, bursty_loss, random_loss

LOSSES = {
    "1 % random": partial(random_loss, 0.01),
    "3 % random": partial(random_loss, 0.03),
    "3 % in bursts of 4": partial(bursty_loss, 0.03),
    "3 % in bursts of 20": partial(bursty_loss, 0.03, 20.0),
}


@pytest.mark.parametrize("packets", [1, 11, 60])
@pytest.mark.parametrize("loss", LOSSES)
def test_what_is_not_lost_arrives_at_once(loss: str, packets: int):
    """1 and 20 calls of PCM16 at 16 kHz, and as many as a worker carries."""
    call = Simulation(PathModel(loss=LOSSES[loss]()), packets)
    out = call.run(12.0)
    assert out.shed == 0
    steady = out.delays(since=2.0)
    assert steady[len(steady) // 2] == pytest.approx(0.025)
    assert steady[int(len(steady) * 0.99)] < 0.030
    # A burst may be longer than the time in which one takes it for congestion.
    assert call.model.backed_off <= (0 if "random" in loss else 2)


def test_twenty_calls_that_begin_at_once_wait_for_a_few_round_trips_only():
    call = Simulation(PathModel(), 1)
    call.run(3.0)
    call.packets_per_tick = 60
    out = call.run(6.0)
    assert out.shed == 0
    assert max(out.delays(since=3.5)) < 0.030
