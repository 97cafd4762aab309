"""Careful resume, on a virtual clock: many calls go on on a new connection over the same path."""

import asyncio

from bridge.quic.bandwidth import INITIAL_PACKETS
from tests.leg.network import place, talks
from tests.leg.path import over_path
from tests.leg.virtual import simulate
from tests.quic.simulated import PACKET, PathModel, Simulation

TICK = 0.02
RTT = 0.05


def shaken(path: PathModel, per_tick: int, before: tuple[float, float] | None) -> Simulation:
    """A sender that has measured the round trip time, and nothing else."""
    made = Simulation(path, per_tick)
    if before is not None:
        made.model.resume(*before)
    made.model.on_rtt(path.rtt, 0.0)
    return made


def test_a_hundred_calls_do_not_begin_with_ten_packets():
    per_tick = 55  # 100 calls of PCM16 at 16 kHz
    rate = per_tick * PACKET / TICK
    cold = shaken(PathModel(rtt=RTT), per_tick, None).run(0.5)
    warm = shaken(PathModel(rtt=RTT), per_tick, (rate, RTT)).run(0.5)
    assert max(cold.delays(0)) > 0.1
    assert max(warm.delays(0)) < 0.5 * max(cold.delays(0))
    assert warm.shed <= cold.shed


def test_it_backs_off_as_ever_when_the_path_has_become_slow():
    path = PathModel(rtt=RTT, rate=300_000, queue_bytes=60_000)
    simulation = shaken(path, 10, (10_000_000, RTT))
    out = simulation.run(5)
    assert simulation.model.backed_off > 0
    assert 0.85 * 300_000 < out.rate(1, 5) <= 300_000
    assert sorted(out.delays(2))[len(out.delays(2)) // 2] < 0.35


def test_another_round_trip_time_is_another_path():
    for rtt in (0.02, 0.6):
        simulation = shaken(PathModel(rtt=rtt), 1, (10_000_000, RTT))
        assert simulation.model.window == INITIAL_PACKETS * PACKET


def test_a_plugin_remembers_the_path_to_its_gateway():
    async def story():
        async with place(resume_secs=0) as where, over_path(where) as (path, line):
            path.delay = RTT / 2
            await talks(line, where.agent())
            found = line._protocol._internals.model.bandwidth
            assert found > 0
            path.cut = True
            while line.connected:
                await asyncio.sleep(0.02)
            path.cut = False
            await talks(line, where.agent())
            bandwidth, rtt = line._protocol._internals.model._before
            assert bandwidth >= found / 2 and RTT <= rtt < 2 * RTT

    simulate(story())


def test_nothing_known_is_nothing_assumed():
    simulation = shaken(PathModel(rtt=RTT), 1, (0.0, 0.0))
    assert simulation.model.window == INITIAL_PACKETS * PACKET
