"""Audio end to end over real QUIC: said, heard by the agent, spoken, received."""

import asyncio

import numpy as np
import pytest
import soxr

from bridge.gateway.parrot import LEAD_FRAMES
from bridge.leg.interface import ReplyAudio, ReplyEnd
from tests.leg.hearing import best_match
from tests.leg.network import Phone, connection, place, run, silence, speech


@pytest.mark.parametrize(("up", "down"), [(16000, 24000), (8000, 8000), (24000, 16000)])
def test_the_reply_is_what_was_said_without_the_silence_around_it(up, down):
    async def story():
        async with place(pace=0) as where, connection(where) as line:
            agent = where.agent(input_rate_hz=up, output_rate_hz=down)
            phone = await Phone(line, agent).opened()
            phone.call.answered()
            said = speech(0.8, up)
            whole = np.concatenate([silence(1, up), said, silence(0.5, up)])
            phone.call.commit(1, phone.say(whole, up))
            heard = await phone.reply_to(1)
            match, at = best_match(heard, soxr.resample(said, up, down))
            assert match > 0.95
            assert abs(at / down - 0.1) < 0.03, "100 ms of silence are left before the speech"
            assert abs(len(heard) / down - 1.1) < 0.05, "and 200 ms after it"

    run(story())


def test_frames_are_20_ms_and_numbered_in_order():
    async def story():
        async with place(pace=0) as where, connection(where) as line:
            phone = await Phone(line, where.agent()).opened()
            phone.call.commit(1, phone.say(speech(0.5)))
            await phone.reply_to(1)
            frames = [e for e in phone.events if isinstance(e, ReplyAudio)]
            assert [f.seq for f in frames] == list(range(len(frames)))
            assert [f.timestamp for f in frames] == [480 * n for n in range(len(frames))]
            assert {len(f.payload) for f in frames[:-1]} == {960}
            assert phone.events[-1] == ReplyEnd(1, len(frames))

    run(story())


def test_each_turn_is_answered_with_itself():
    async def story():
        async with place(pace=0) as where, connection(where) as line:
            phone = await Phone(line, where.agent()).opened()
            for turn in (1, 2, 3):
                said = speech(0.4, seed=turn)
                phone.call.prime(turn)
                phone.call.commit(turn, phone.say(said))
                heard = await phone.reply_to(turn)
                assert best_match(heard, soxr.resample(said, 16000, 24000))[0] > 0.95

    run(story())


def test_a_silent_turn_gets_an_empty_reply():
    async def story():
        async with place(pace=0) as where, connection(where) as line:
            phone = await Phone(line, where.agent()).opened()
            phone.call.commit(1, phone.say(silence(1)))
            await phone.reply_to(1)
            assert phone.events[-1] == ReplyEnd(1, 0)

    run(story())


def test_a_reply_longer_than_any_window_arrives_whole():
    async def story():
        async with place(pace=0) as where, connection(where) as line:
            phone = await Phone(line, where.agent()).opened()
            said = speech(9)
            for start in range(0, len(said), 32000):
                last = phone.say(said[start : start + 32000])
                # Four times as fast as a caller; what a busy machine does not send in time is shed.
                await asyncio.sleep(0.25)
            phone.call.commit(1, last)
            await phone.reply_to(1)
            frames = [e.seq for e in phone.events if isinstance(e, ReplyAudio)]
            assert frames == sorted(frames)
            assert len(frames) >= 0.98 * 450

    run(story())


def test_a_cancel_stops_the_reply():
    async def story():
        async with place() as where, connection(where) as line:
            phone = await Phone(line, where.agent()).opened()
            phone.call.commit(1, phone.say(speech(5)))
            await phone.until_event(ReplyAudio)
            phone.call.cancel(1, heard_ms=20)
            before = len(phone.heard(1))
            phone.call.commit(2, phone.say(speech(0.1)))
            await phone.reply_to(2)
            assert len(phone.heard(1)) == before < 24000
            assert not any(isinstance(e, ReplyEnd) and e.turn == 1 for e in phone.events)

    run(story())


def test_the_first_audio_waits_as_long_as_it_was_told_to():
    async def story():
        async with place(first_audio_ms=300) as where, connection(where) as line:
            phone = await Phone(line, where.agent()).opened()
            loop = asyncio.get_running_loop()
            phone.call.commit(1, phone.say(speech(0.2)))
            begin = loop.time()
            await phone.until_event(ReplyAudio)
            assert loop.time() - begin >= 0.3

    run(story())


def test_a_pace_of_1_takes_as_long_as_speaking_does():
    async def story():
        async with place(pace=1.0) as where, connection(where) as line:
            phone = await Phone(line, where.agent()).opened()
            loop = asyncio.get_running_loop()
            phone.call.commit(1, phone.say(speech(1)))
            await phone.until_event(ReplyAudio)
            begin = loop.time()
            heard = await phone.reply_to(1)
            lead = LEAD_FRAMES * 0.020
            assert loop.time() - begin >= len(heard) / 24000 - lead - 0.06

    run(story())


def test_the_greeter_greets_when_the_phone_is_answered_and_then_parrots():
    async def story():
        async with place(pace=0) as where, connection(where) as line:
            phone = await Phone(line, where.agent("greeter")).opened()
            phone.call.append(0, 0, bytes(640))
            line.flush()
            assert len(phone.events) == 1
            phone.call.answered()
            greeting = await phone.reply_to(0)
            assert len(greeting) == 24000 * 1.4
            assert 3000 < np.abs(greeting).max() < 16000
            phone._seq = 1
            phone.call.commit(1, phone.say(speech(0.5)))
            assert len(await phone.reply_to(1)) > 0

    run(story())
