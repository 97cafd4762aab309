"""Draft 18, section 10.11: PUBLISH_DONE comes after the last object that is sent."""

import asyncio

import numpy as np

from bridge.gateway.events import Committed
from tests.leg.network import Phone, connection, place
from tests.leg.path import Path
from tests.leg.virtual import simulate


async def talkative(call):
    async for event in call:
        if isinstance(event, Committed):
            await call.send(np.ones(60 * 8000, np.int16), event.turn)


def test_what_waits_of_a_call_that_ends_is_not_sent():
    async def story():
        async with place({"talkative": talkative}, packet_bytes=1200) as where:
            path = Path(where.gateway.address)
            endpoint = await path.open()
            path.delay, path.rate = 0.025, 30_000
            async with connection(where, endpoint=endpoint, packet_bytes=1200) as line:
                agent = where.agent("talkative", input_rate_hz=8000, output_rate_hz=8000)
                phones = [await Phone(line, agent).opened() for _ in range(2)]
                for phone in phones:
                    phone.call.answered()
                    phone.call.commit(1, -1)
                (protocol,) = where.gateway.protocols
                await asyncio.sleep(2)
                assert len({d.track for d in protocol._queue}) == 2
                phones[0].call.close("enough")
                line.flush()
                while len(where.gateway.sids) == 2:
                    await asyncio.sleep(0.01)
                for _ in range(50):
                    assert len({d.track for d in protocol._queue}) <= 1
                    await asyncio.sleep(0.01)
                received = line.stats.datagrams_unknown
                await asyncio.sleep(1)
                assert line.stats.datagrams_unknown == received
            path.close()

    simulate(story())
