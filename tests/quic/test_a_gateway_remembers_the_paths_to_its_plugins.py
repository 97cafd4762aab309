"""Careful resume on the gateway's side, on a virtual clock."""

import asyncio

from bridge.quic.paths import MOST_ADDRESSES, MOST_OF_ONE, SAME_PATH_SECS, KnownPaths
from tests.leg.network import place, talks
from tests.leg.path import over_path
from tests.leg.virtual import simulate

RTT = 0.05
HERE = "192.0.2.1"


def test_what_one_connection_left_one_other_takes_up():
    paths = KnownPaths()
    paths.remember(HERE, 1e6, RTT, 10.0)
    paths.remember(HERE, 2e6, RTT, 11.0)
    assert paths.take("192.0.2.2", 12.0) is None
    assert paths.take(HERE, 12.0)[:2] == (2e6, RTT)
    assert paths.take(HERE, 12.0)[:2] == (1e6, RTT)
    assert paths.take(HERE, 12.0) is None
    assert len(paths) == 0


def test_it_is_forgotten_after_a_minute_and_what_found_nothing_is_not_kept():
    paths = KnownPaths()
    paths.remember(HERE, 1e6, RTT, 10.0)
    assert paths.take(HERE, 10.0 + SAME_PATH_SECS) is None
    paths.remember(HERE, 0.0, RTT, 10.0)
    paths.remember(HERE, 1e6, 0.0, 10.0)
    assert len(paths) == 0


def test_no_more_is_kept_than_so_much():
    paths = KnownPaths()
    for n in range(3 * MOST_ADDRESSES):
        paths.remember(str(n), 1e6, RTT, 10.0)
    assert len(paths) == MOST_ADDRESSES
    assert paths.take("0", 10.0) is None
    for _ in range(3 * MOST_OF_ONE):
        paths.remember(HERE, 1e6, RTT, 10.0)
    assert sum(paths.take(HERE, 10.0) is not None for _ in range(100)) == MOST_OF_ONE


def test_a_plugin_that_comes_back_is_spoken_to_at_half_of_what_its_path_gave():
    async def story():
        async with place(resume_secs=0) as where, over_path(where) as (path, line):
            path.delay = RTT / 2
            await talks(line, where.agent())
            (protocol,) = where.gateway.protocols
            assert protocol._internals.model._before is None
            found = protocol._internals.model.bandwidth
            assert found > 0
            path.cut = True
            while where.gateway.protocols:
                await asyncio.sleep(0.02)
            assert len(where.gateway.paths) == 1
            path.cut = False
            await talks(line, where.agent())
            (protocol,) = where.gateway.protocols
            bandwidth, rtt = protocol._internals.model._before
            assert bandwidth >= found / 2 and RTT <= rtt < 2 * RTT

    simulate(story())
