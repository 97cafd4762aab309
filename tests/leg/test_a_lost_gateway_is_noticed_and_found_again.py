import asyncio

from bridge.leg.calls import QUEUE_LEAST
from bridge.leg.interface import LegFailed
from bridge.wire.limits import DEAD_AFTER, QUIC_IDLE
from tests.leg.network import Phone, connection, place, speech, talks
from tests.leg.path import over_path
from tests.leg.virtual import simulate


def test_a_dead_path_fails_the_calls_long_before_quic_gives_up_and_later_calls_work():
    async def story():
        async with place(resume_secs=0) as where, over_path(where) as (path, line):
            phones = [await talks(line, where.agent()) for _ in range(2)]
            path.cut = True
            cut_at = asyncio.get_running_loop().time()
            for phone in phones:
                failed = await phone.failed()
                assert failed.code == "connection_lost"
            took = asyncio.get_running_loop().time() - cut_at
            assert DEAD_AFTER * 0.5 < took < QUIC_IDLE * 0.8
            path.cut = False
            await talks(line, where.agent())
            assert line.reconnects == 1

    simulate(story())


def test_a_gateway_that_ends_tells_its_calls():
    async def story():
        async with place() as where, connection(where) as line:
            phone = await talks(line, where.agent())
            await where.gateway.close()
            assert (await phone.failed()).code in ("shutting_down", "connection_lost")

    simulate(story())


def test_audio_that_the_path_does_not_take_is_dropped_oldest_first_and_bounded():
    async def story():
        async with place() as where, over_path(where, packet_bytes=1200) as (path, line):
            path.delay = 0.02
            phone = await talks(line, where.agent())
            path.cut = True
            protocol = line._protocol
            for n in range(1000):
                phone.call.append(15 + n, n * 320, n.to_bytes(2, "big") * 320)
                line.flush()
                assert protocol.queued_datagrams <= QUEUE_LEAST
            assert line.stats.datagrams_dropped > 0
            assert protocol._queue[-1].data.endswith((999).to_bytes(2, "big"))
            assert (await phone.failed()).code == "connection_lost"

    simulate(story())


def test_loss_and_reordering_cost_no_call():
    async def story():
        async with (
            place(pace=0, packet_bytes=1200) as where,
            over_path(where, packet_bytes=1200) as (path, line),
        ):
            phone = await talks(line, where.agent())
            path.loss, path.swap = 0.03, 0.1
            for turn in range(2, 7):
                phone.call.commit(turn, phone.say(speech(1, seed=turn)))
                heard = await phone.reply_to(turn)
                assert len(heard) > 0.6 * 24000
            assert not any(isinstance(e, LegFailed) for e in phone.events)
            assert line.stats.datagrams_repaired > 0

    simulate(story())


def test_closing_the_connection_ends_its_calls_at_the_gateway():
    async def story():
        async with place() as where:
            async with connection(where) as line:
                for _ in range(60):
                    await Phone(line, where.agent()).opened()
                assert len(where.gateway.sids) == 60
            async with asyncio.timeout(10):
                while where.gateway.sids:
                    await asyncio.sleep(0.01)
            assert where.gateway.stats.failed == 0

    simulate(story())
