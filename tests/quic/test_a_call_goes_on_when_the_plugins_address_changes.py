import asyncio

from bridge.leg.interface import LegFailed
from tests.leg.network import place, speech, talks
from tests.leg.path import over_path
from tests.leg.virtual import simulate


async def goes_on(phone) -> None:
    phone.call.commit(2, phone.say(speech(0.3, seed=2)))
    assert len(await phone.reply_to(2)) > 0
    assert not any(isinstance(event, LegFailed) for event in phone.events)


def test_a_nat_gives_the_plugin_another_port():
    async def story():
        async with place() as where, over_path(where) as (path, line):
            phone = await talks(line, where.agent())
            await path.rebind()
            await goes_on(phone)
            assert line.reconnects == 0

    simulate(story())


def test_a_path_that_is_dead_for_the_old_socket_is_left_for_another():
    async def story():
        async with place() as where, over_path(where) as (path, line):
            phone = await talks(line, where.agent())
            path.ignore_client()
            while not line.stats.moves:
                await asyncio.sleep(0.02)
            await goes_on(phone)
            assert line.reconnects == 0

    simulate(story())
