"""Agents that say a minute at once, over a path that takes less: what another call hears."""

import asyncio

import numpy as np
import pytest

from bridge.gateway.agent import AgentCall
from bridge.gateway.events import Committed
from bridge.gateway.feeding import QUEUED_DATAGRAMS
from bridge.leg.interface import ReplyAudio
from bridge.wire.limits import MAX_AUDIO_BACKLOG
from tests.leg.network import Phone, connection, place
from tests.leg.path import over_path
from tests.leg.virtual import simulate

RATE_HZ = 8000
BULKY = 10


def saying(secs: float):
    pcm = np.ones(int(secs * RATE_HZ), np.int16)

    async def agent(call: AgentCall) -> None:
        async for event in call:
            if isinstance(event, Committed):
                await call.send(pcm, event.turn)
                await call.end(event.turn)

    return agent


def frames(phone: Phone, turn: int = 1) -> list[int]:
    return [e.seq for e in phone.events if isinstance(e, ReplyAudio) and e.turn == turn]


@pytest.mark.parametrize("delivery", ["datagram", "stream"])
def test_the_first_frame_of_another_call_overtakes_a_minute_of_theirs(delivery):
    async def story():
        loop = asyncio.get_running_loop()
        agents = {"bulky": saying(60), "brief": saying(0.4)}
        options = {"packet_bytes": 1200}
        how = {"output_rate_hz": RATE_HZ, "audio_delivery": delivery}
        async with place(agents, **options) as where, over_path(where, **options) as (path, line):
            path.delay, path.rate = 0.025, 200_000
            bulky = [await Phone(line, where.agent("bulky", **how)).opened() for _ in range(BULKY)]
            brief = await Phone(line, where.agent("brief", **how)).opened()
            for phone in [*bulky, brief]:
                phone.call.answered()
            for phone in bulky:
                phone.call.commit(1, -1)
            (protocol,) = where.gateway.protocols
            for turn in range(1, 6):
                await asyncio.sleep(1)
                asked = loop.time()
                brief.call.commit(turn, -1)
                await brief.until(lambda turn=turn: bool(frames(brief, turn)))
                # The round trip of 50 ms and the queue that stands at the bottleneck.
                assert loop.time() - asked < (0.16 if delivery == "datagram" else 0.4)
                assert protocol.queued_datagrams <= QUEUED_DATAGRAMS + BULKY
                streams = protocol._quic._streams
                waiting = sum(map(protocol.stream_backlog, streams))
                assert waiting <= (BULKY + 1) * MAX_AUDIO_BACKLOG
                assert len(streams) < 20 * (BULKY + 1)
                await brief.reply_to(turn)
                assert frames(brief, turn) == list(range(20))
            progress = [len(frames(phone)) for phone in bulky]
            assert min(progress) > 100  # the path is used, and shared
            assert max(progress) < 2 * min(progress)
            for phone in bulky:
                assert frames(phone) == list(range(len(frames(phone))))

    simulate(story())


def test_no_more_is_sent_than_the_phone_keeps():
    async def story():
        async with place({"endless": saying(125)}) as where, connection(where) as line:
            agent = where.agent(
                "endless", output_rate_hz=RATE_HZ, model_codec="g711_ulaw", input_rate_hz=8000
            )
            phone = await Phone(line, agent).opened()
            phone.call.answered()
            phone.call.commit(1, -1)
            await asyncio.sleep(5)
            assert 110 * 50 <= len(frames(phone)) <= 116 * 50
            await phone.reply_to(1)
            assert frames(phone) == list(range(125 * 50))

    simulate(story())
