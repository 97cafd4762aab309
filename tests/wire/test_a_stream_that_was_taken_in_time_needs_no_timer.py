import asyncio

from bridge.moqt.messages import Param
from tests.leg.network import Phone, connection, place, speech
from tests.leg.virtual import simulate

FOR_EVER = 2**62
"""Milliseconds."""


def test_a_timeout_without_end_leaves_nothing_behind():
    async def story():
        async with place() as where, connection(where) as line:
            phone = await Phone(line, where.agent(audio_delivery="stream")).opened()
            (protocol,) = where.gateway.protocols
            (call,) = protocol.link._calls.values()
            call.tracks.audio_out.apply({Param.SUBGROUP_DELIVERY_TIMEOUT: FOR_EVER})
            phone.call.answered()
            phone.call.commit(1, phone.say(speech(1.5)))
            seen = 0
            async with asyncio.timeout(20):
                while not (seen and not protocol._resets):
                    seen = max(seen, len(protocol._resets))
                    await asyncio.sleep(0.002)
            assert len(await phone.reply_to(1)) > 0

    simulate(story())
