import asyncio

from tests.leg.network import Phone, place, talks
from tests.leg.path import made_again, over_path
from tests.leg.virtual import simulate


def test_early_data_that_arrives_again_opens_no_call():
    """Somebody on the path records the first flight of a resumed connection, and sends it again
    when that connection is over and forgotten."""

    async def story():
        async with place(resume_secs=0) as where:
            async with over_path(where) as (path, line):
                await talks(line, where.agent())
                await made_again(line, path)
                path.recorded = []
                await Phone(line, where.agent()).opened()
                assert line._protocol.early_accepted
                first_flight = list(path.recorded)
            calls = where.gateway.stats.calls
            while where.gateway._server._protocols:
                await asyncio.sleep(0.01)
            loop = asyncio.get_running_loop()
            attacker, _ = await loop.create_datagram_endpoint(
                asyncio.DatagramProtocol, remote_addr=where.gateway.address
            )
            for packet in first_flight:
                attacker.sendto(packet)
            while not where.gateway.protocols:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.3)
            assert where.gateway.stats.calls == calls
            attacker.close()

    simulate(story())
