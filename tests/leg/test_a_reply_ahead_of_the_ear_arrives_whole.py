"""A model that speaks ten seconds at once, over a path of 50 ms that loses packets."""

import asyncio

import pytest

from bridge.gateway.agent import AgentCall
from bridge.gateway.events import Committed
from bridge.leg.interface import ReplyAudio
from tests.leg.network import Phone, place, speech
from tests.leg.path import over_path
from tests.leg.virtual import simulate


async def bulk(call: AgentCall) -> None:
    async for event in call:
        if isinstance(event, Committed):
            await call.send(speech(10.0, 24000), event.turn)
            await call.end(event.turn)


@pytest.mark.parametrize("loss, burst", [(0.03, 1), (0.1, 1), (0.03, 6)])
def test_every_frame_is_heard_though_the_path_loses_some(loss, burst):
    async def story():
        async with (
            place({"bulk": bulk}, packet_bytes=1200) as where,
            over_path(where, packet_bytes=1200) as (path, line),
        ):
            path.delay = 0.025
            phone = await Phone(line, where.agent("bulk")).opened()
            phone.call.answered()
            path.loss, path.burst = loss, burst
            phone.call.commit(1, phone.say(speech(0.1)))
            await phone.reply_to(1)
            (protocol,) = where.gateway.protocols
            assert protocol.stats.datagrams_lost >= 10
            frames = [e.seq for e in phone.events if isinstance(e, ReplyAudio)]
            assert frames == list(range(500))
            await asyncio.sleep(0.5)
            assert phone.call.core.deadline is None

    simulate(story())
