"""Round trips that take longer, whatever we send: another route, or others who fill a queue."""

import pytest

from tests.quic.simulated import PathModel, Simulation


@pytest.mark.parametrize("packets", [1, 11])
@pytest.mark.parametrize("after", [0.15, 0.25, 0.5])
def test_a_call_is_whole_again_within_three_seconds(packets: int, after: float):
    path = PathModel(rtt=0.05)
    call = Simulation(path, packets)
    call.run(10.0)
    path.rtt = after
    shed = call.run(13.0).shed
    out = call.run(30.0)
    assert out.shed == shed
    assert max(out.delays(since=14.0)) < after / 2 + 0.03


def test_a_way_that_goes_on_growing_starves_nobody():
    path = PathModel(rtt=0.05)
    call = Simulation(path, 1)
    call.run(10.0)
    for step in range(100):
        path.rtt = 0.05 + 0.01 * step
        out = call.run(10.0 + 0.1 * (step + 1))
    out = call.run(30.0)
    assert len(out.delivered) > 0.8 * out.offered
