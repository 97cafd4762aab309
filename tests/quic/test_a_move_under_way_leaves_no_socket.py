"""A connection is given up while it moves to another socket (RFC 9000 section 9)."""

import asyncio
import contextlib
import os

import pytest

from bridge.leg.dial import Dialer
from tests.leg.network import place, run


def sockets() -> int:
    found = 0
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the listing's own
            found += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
    return found


@pytest.mark.parametrize("rounds", range(4))
def test_it_is_closed_whenever_the_connection_is_abandoned(rounds):
    async def story():
        async with place() as where:
            dialer = Dialer(where.endpoint, where.tls, 0)
            await asyncio.sleep(0.05)
            before = sockets()
            protocol = await dialer.dial()
            assert sockets() == before + 1
            moving = asyncio.create_task(protocol._move())
            for _ in range(rounds):
                await asyncio.sleep(0)
            protocol.abandon()
            await moving
            await asyncio.sleep(0.05)
            assert sockets() == before

    run(story())
