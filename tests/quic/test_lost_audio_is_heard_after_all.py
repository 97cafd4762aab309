"""On a path of 20 ms that loses 3 % of the packets, at random and in bursts: both ends repair."""

import asyncio

import pytest

from bridge.gateway.agent import AgentCall
from bridge.gateway.events import CallerAudio, Committed
from bridge.leg.interface import ReplyAudio
from tests.leg.network import Phone, connection, place, speech
from tests.leg.path import over_path
from tests.leg.virtual import simulate

FRAMES = 600


class Counting:
    """Answers each turn with a second of speech; counts what it hears and what it never will."""

    def __init__(self) -> None:
        self.heard = self.missing = 0

    async def __call__(self, call: AgentCall) -> None:
        async for event in call:
            match event:
                case CallerAudio():
                    self.heard += 1
                case Committed(turn=turn, missing=missing):
                    self.missing += missing
                    await call.send(speech(1.0, 24000), turn)
                    await call.end(turn)


@pytest.mark.parametrize("burst", [1, 3])
def test_three_percent_lost_is_next_to_nothing_unheard(burst):
    async def story():
        agent = Counting()
        async with (
            place({"counting": agent}, packet_bytes=1200) as where,
            over_path(where, packet_bytes=1200) as (path, line),
        ):
            path.delay = 0.01
            phone = await Phone(line, where.agent("counting")).opened()
            phone.call.answered()
            path.loss, path.burst = 0.03, burst
            for seq in range(FRAMES):
                phone.call.append(seq, seq * 320, bytes(640))
                line.flush()
                if seq % 100 == 99:
                    phone.call.commit(seq // 100 + 1, seq)
                    await phone.reply_to(seq // 100 + 1)
                await asyncio.sleep(0.005)
            assert line.stats.datagrams_lost > 5
            assert agent.heard + agent.missing == FRAMES
            assert agent.missing <= (2 if burst == 1 else 18)
            replies = [e for e in phone.events if isinstance(e, ReplyAudio)]
            assert len(replies) >= 6 * 50 - (2 if burst == 1 else 18)
            assert phone.call.stats.uplink_shed == 0

    simulate(story())


def test_the_commit_and_the_first_frame_of_the_reply_are_sent_twice():
    async def story():
        agent = Counting()
        async with place({"counting": agent}) as where, connection(where) as line:
            phone = await Phone(line, where.agent("counting")).opened()
            phone.call.answered()
            await asyncio.sleep(0.1)
            (protocol,) = where.gateway.protocols
            phone.call.commit(1, phone.say(speech(0.02)))
            await phone.reply_to(1)
            await asyncio.sleep(0.05)
            # On loopback the first copy is acknowledged before the second is due, nearly always;
            # so what is looked at is that there was one.
            assert protocol.again >= 1
            assert line._protocol.again >= 1

    simulate(story())
