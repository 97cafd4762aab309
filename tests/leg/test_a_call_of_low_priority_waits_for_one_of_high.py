"""Calls of several priorities over a path that does not take all of them, on a virtual clock."""

import asyncio
import contextlib

import numpy as np
import pytest

from bridge.gateway.agent import AgentCall
from bridge.gateway.events import CallerAudio, Committed
from bridge.gateway.feeding import QUEUED_MOST
from bridge.leg.interface import ReplyAudio, Transcript
from bridge.moqt.messages import Param
from tests.leg.network import Phone, connection, place
from tests.leg.path import Path
from tests.leg.virtual import simulate

RATE_HZ = 8000
FRAME = bytes(320)
ODD = {"output_rate_hz": RATE_HZ, "input_rate_hz": RATE_HZ}


class Listening:
    """Counts what it hears of each call, and tells each commit at once."""

    def __init__(self) -> None:
        self.heard: dict[str, int] = {}

    async def __call__(self, call: AgentCall) -> None:
        sid = call.info.sid
        async for event in call:
            if isinstance(event, CallerAudio):
                self.heard[sid] = self.heard.get(sid, 0) + 1
            elif isinstance(event, Committed):
                call.transcript("caller", "heard", event.turn)


async def talkative(call: AgentCall) -> None:
    """Says a minute at once, and of each commit that it has come."""
    pcm = np.ones(60 * RATE_HZ, np.int16)
    async for event in call:
        if isinstance(event, Committed):
            call.transcript("caller", "heard", event.turn)
            if await call.send(pcm, event.turn):
                await call.end(event.turn)


@contextlib.asynccontextmanager
async def slow(agents, rate: float):
    async with place(agents, packet_bytes=1200) as where:
        path = Path(where.gateway.address)
        endpoint = await path.open()
        async with connection(where, endpoint=endpoint, packet_bytes=1200) as line:
            path.delay, path.rate = 0.025, rate
            yield where, line
        path.close()


async def speak(line, phones, secs: float, seq: int = 0) -> int:
    """A frame of each phone every 20 ms, all at once."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for tick in range(int(secs * 50)):
        await asyncio.sleep(begun + tick * 0.02 - loop.time())
        for phone in phones:
            phone.call.append(seq, seq * 160, FRAME)
        line.flush()
        seq += 1
    return seq


def frames(phone: Phone) -> int:
    return sum(isinstance(e, ReplyAudio) for e in phone.events)


def told(phone: Phone, turn: int) -> bool:
    return any(isinstance(e, Transcript) and e.turn == turn for e in phone.events)


@pytest.mark.parametrize("order", ["high last", "high first"])
def test_of_callers_the_high_one_is_heard_and_the_low_one_is_shed(order):
    async def story():
        listening = Listening()
        # Ten calls of some 17 kB/s each: the path takes six.
        async with slow({"listening": listening}, 105_000) as (where, line):
            words = ["low"] * 5 + ["high"] * 5
            if order == "high first":
                words.reverse()
            phones = [
                await Phone(
                    line, where.agent("listening", priority=word, **ODD), sid=f"{word}-{n}"
                ).opened()
                for n, word in enumerate(words)
            ]
            for phone in phones:
                phone.call.answered()
            seq = await speak(line, phones, 3)
            before = dict(listening.heard)
            await speak(line, phones, 5, seq)
            heard = {sid: n - before[sid] for sid, n in listening.heard.items()}
            high = [n for sid, n in heard.items() if sid.startswith("high")]
            low = [n for sid, n in heard.items() if sid.startswith("low")]
            assert min(high) >= 240  # of 250: what is on its way is missing
            assert max(low) < 120
            assert sum(low) > 0  # what the path has left is theirs
            shed = [phone.call.stats.uplink_shed for phone in phones]
            for word, count in zip(words, shed, strict=True):
                assert (count > 100) == (word == "low")

    simulate(story())


def test_callers_of_the_same_priority_miss_as_much_of_each():
    async def story():
        listening = Listening()
        async with slow({"listening": listening}, 105_000) as (where, line):
            agent = where.agent("listening", **ODD)
            phones = [await Phone(line, agent).opened() for _ in range(10)]
            for phone in phones:
                phone.call.answered()
            seq = await speak(line, phones, 3)
            before = dict(listening.heard)
            await speak(line, phones, 5, seq)
            heard = [n - before[sid] for sid, n in listening.heard.items()]
            assert len(heard) == 10
            assert 125 < min(heard) < max(heard) < 1.15 * min(heard)

    simulate(story())


@pytest.mark.parametrize("delivery", ["datagram", "stream"])
def test_of_replies_that_of_the_high_call_is_sent_first(delivery):
    async def story():
        async with slow({"talkative": talkative}, 60_000) as (where, line):
            how = {"audio_delivery": delivery, **ODD}
            phones = {}
            for word in ("low", "normal", "high"):
                phones[word] = await Phone(
                    line, where.agent("talkative", priority=word, **how)
                ).opened()
                phones[word].call.answered()
            phones["low"].call.commit(1, -1)
            await asyncio.sleep(2)
            alone = frames(phones["low"])
            assert alone > 100
            phones["normal"].call.commit(1, -1)
            await asyncio.sleep(1)
            waits = frames(phones["low"])
            phones["high"].call.commit(1, -1)
            await asyncio.sleep(1)
            paused = frames(phones["normal"])
            await asyncio.sleep(3)
            assert frames(phones["low"]) - waits <= 60  # what was under way already
            assert frames(phones["normal"]) - paused <= 5
            assert frames(phones["high"]) > 250
            await asyncio.sleep(20)  # the high one has said its minute, and the next one's turn is
            assert frames(phones["high"]) == 3000
            assert frames(phones["normal"]) > paused + 500

    simulate(story())


@pytest.mark.parametrize("delivery", ["datagram", "stream"])
def test_control_and_events_are_never_behind_audio(delivery):
    async def story():
        loop = asyncio.get_running_loop()
        async with slow({"talkative": talkative}, 60_000) as (where, line):
            how = {"audio_delivery": delivery, **ODD}
            loud = [
                await Phone(line, where.agent("talkative", priority="high", **how)).opened()
                for _ in range(5)
            ]
            quiet = await Phone(line, where.agent("talkative", priority="low", **how)).opened()
            for phone in [*loud, quiet]:
                phone.call.answered()
            for phone in loud:
                phone.call.commit(1, -1)
            speaking = asyncio.create_task(speak(line, loud, 6))
            await asyncio.sleep(1)
            for turn in range(1, 5):
                asked = loop.time()
                quiet.call.commit(turn, -1)
                await quiet.until(lambda turn=turn: told(quiet, turn))
                # The round trip of 50 ms, and what stands in the queues of the bottleneck.
                assert loop.time() - asked < 0.4
                await asyncio.sleep(0.5)
            assert frames(quiet) < 30  # whose own audio waits
            await speaking

    simulate(story())


def test_who_asks_for_priority_delays_his_own_calls_only():
    async def story():
        async with place({"talkative": talkative}, packet_bytes=1200) as where:
            path, other = Path(where.gateway.address), Path(where.gateway.address)
            lines = [await path.open(), await other.open()]
            async with (
                connection(where, endpoint=lines[0], packet_bytes=1200) as greedy,
                connection(where, endpoint=lines[1], packet_bytes=1200) as modest,
            ):
                for way in (path, other):
                    way.delay, way.rate = 0.025, 60_000
                agent = where.agent("talkative", **ODD)
                mine = [await Phone(greedy, agent).opened() for _ in range(5)]
                theirs = [await Phone(modest, agent).opened() for _ in range(2)]
                for phone in [*mine, *theirs]:
                    phone.call.answered()
                    phone.call.commit(1, -1)
                session = greedy._protocol.session
                for n in range(400):
                    for phone in mine[:3]:
                        priority = n * 7 % 256
                        downlink = phone.call.tracks.audio_in
                        session.update(downlink, {Param.SUBSCRIBER_PRIORITY: priority})
                    greedy._protocol.transmit_soon()
                    await asyncio.sleep(0.01)
                assert min(map(frames, theirs)) > 250
                assert max(map(frames, theirs)) < 1.2 * min(map(frames, theirs))
                for protocol in where.gateway.protocols:
                    assert protocol.queued_datagrams <= QUEUED_MOST + len(mine)
                assert session.closed is None
            path.close()
            other.close()

    simulate(story())
