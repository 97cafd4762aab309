"""The connection of a plugin and its gateway is cut in the middle of calls."""

import asyncio

import numpy as np

from bridge.gateway.events import Answered, Ended
from bridge.leg.interface import ReplyAudio
from tests.leg.network import Phone, connection, place, speech, talks
from tests.leg.path import Path, over_path
from tests.leg.virtual import simulate
from tests.quic.caller import Caller, Diary, until


def test_what_the_caller_said_meanwhile_is_heard_and_answered():
    async def story():
        diary = Diary()
        async with place({"diary": diary}) as where, over_path(where) as (path, line):
            phone = await Phone(line, where.agent("diary")).opened()
            phone.call.answered()
            caller = Caller(phone, line)
            await caller.speak(0.5)
            path.cut = True
            while line.connected:
                await caller.speak(0.2)
            last = await caller.speak(0.5)
            phone.call.commit(1, last)
            path.cut = False
            speaking = asyncio.ensure_future(caller.speak(4.0))
            reply = await phone.reply_to(1)
            await speaking
            assert np.array_equal(reply, speech(3.0, 24000, seed=1))
            assert diary.missing == 0
            assert diary.heard == list(range(len(diary.heard)))
            assert len(diary.heard) > last
            assert caller.notices() == ["connection_resumed"]
            assert phone.call.stats.breaks == 1 and phone.call.stats.break_secs > 0.4
            assert not caller.failed()
            assert where.gateway.stats.calls == 1

    simulate(story())


def test_a_reply_goes_on_where_the_caller_stopped_hearing_it():
    async def story():
        diary = Diary()
        async with (
            place({"diary": diary}) as where,
            over_path(where, packet_bytes=1200) as (path, line),
        ):
            phone = await Phone(line, where.agent("diary")).opened()
            phone.call.answered()
            caller = Caller(phone, line)
            path.delay = 0.02
            phone.call.commit(1, await caller.speak(0.1))
            await until(lambda: any(isinstance(e, ReplyAudio) for e in phone.events))
            path.cut = True
            while line.connected:
                await caller.speak(0.2)
            path.cut = False
            speaking = asyncio.ensure_future(caller.speak(2.0))
            reply = await phone.reply_to(1)
            await speaking
            assert np.array_equal(reply, speech(3.0, 24000, seed=1))
            assert caller.notices() == ["connection_resumed"]

    simulate(story())


def test_a_gateway_that_was_started_anew_takes_the_call_from_there():
    async def story():
        diary = Diary()
        async with place({"diary": diary}) as where:
            gateway = where.gateway
            path = Path(gateway.address)
            async with connection(where, endpoint=await path.open()) as line:
                phone = await Phone(line, where.agent("diary")).opened()
                phone.call.answered()
                caller = Caller(phone, line)
                phone.call.commit(1, await caller.speak(0.3))
                await phone.reply_to(1)
                path.cut = True
                while line.connected:
                    await caller.speak(0.2)
                # What a killed gateway knows of its calls when it is back: nothing.
                for link in list(gateway.links):
                    for call in list(link._calls.values()):
                        call.session.resume_token = ""
                gateway._resumable.clear()
                gateway.sids.clear()
                path.cut = False
                speaking = asyncio.ensure_future(caller.speak(1.5))
                await until(lambda: caller.notices() == ["model_restarted"])
                last = await speaking
                phone.call.commit(2, last)
                speaking = asyncio.ensure_future(caller.speak(1.0))
                reply = await phone.reply_to(2)
                await speaking
                assert np.array_equal(reply, speech(3.0, 24000, seed=2))
                assert diary.missing == 0
                assert sum(isinstance(event, Answered) for event in diary.told) == 2
                assert not caller.failed()
            path.close()

    simulate(story())


def test_a_call_waits_for_so_long_and_no_longer_on_both_sides():
    async def story():
        diary = Diary()
        async with (
            place({"diary": diary}, resume_secs=1) as where,
            over_path(where) as (path, line),
        ):
            phone = await Phone(line, where.agent("diary")).opened()
            path.cut = True
            assert (await phone.failed()).code == "connection_lost"
            await until(lambda: any(isinstance(event, Ended) for event in diary.told))
            assert not where.gateway.sids and not where.gateway._resumable
            path.cut = False
            await until(lambda: line.connected)
            await talks(line, where.agent())

    simulate(story())


def test_nobody_else_takes_the_call_over():
    async def story():
        diary = Diary()
        async with place({"diary": diary}) as where, connection(where) as line:
            victim = await Phone(line, where.agent("diary"), sid="victim").opened()
            async with connection(where) as other:
                thief = Phone(other, where.agent("diary"), sid="victim")
                thief.call.core._break.offer("0" * 32, 9)
                thief.call.core.opened = True
                thief.call.core.lose(asyncio.get_running_loop().time())
                thief.call.core.resume(asyncio.get_running_loop().time())
                assert (await thief.failed()).code == "duplicate_call"
            assert victim.call.core.opened and not victim.call.core.ended
            assert len(where.gateway.sids) == 1

    simulate(story())
