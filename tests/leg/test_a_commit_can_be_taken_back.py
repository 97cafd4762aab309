import asyncio

import numpy as np
import pytest

from bridge.leg.interface import ReplyAudio
from bridge.wire import messages
from tests.leg.calls import Leg
from tests.leg.hearing import best_match
from tests.leg.network import Phone, connection, place, silence, speech
from tests.leg.virtual import simulate


def test_it_is_a_cancel_of_which_nothing_was_heard_and_a_commit_with_the_next_number():
    leg = Leg()
    leg.core.prime(1)
    leg.core.commit(1, 50)
    leg.core.cancel(1, heard_ms=0)
    leg.core.commit(2, 150)
    assert leg.said()[1:] == [
        messages.Prime(turn=1),
        messages.Commit(turn=1, last_seq=50),
        messages.Cancel(turn=1, heard_ms=0),
        messages.Commit(turn=2, last_seq=150),
    ]
    leg.audio(1, 0)
    leg.audio(2, 0)
    assert [event.turn for event in leg.events if isinstance(event, ReplyAudio)] == [2]


async def said(phone: Phone, parts: list[np.ndarray]) -> int:
    """Say all that, four times as fast as a caller would: what waits for the path is bounded."""
    pcm, last = np.concatenate(parts), 0
    for start in range(0, len(pcm), 3200):
        last = phone.say(pcm[start : start + 3200])
        await asyncio.sleep(0.05)
    return last


@pytest.mark.parametrize("pause_secs", [0.6, 2.0])
def test_the_parrot_then_answers_the_whole_turn(pause_secs):
    async def story():
        async with place(pace=0) as where, connection(where) as line:
            agent = where.agent(output_rate_hz=16000)
            phone = await Phone(line, agent).opened()
            phone.call.answered()
            first, second = speech(0.8, seed=1), speech(0.6, seed=2)
            pause = silence(pause_secs)
            phone.call.commit(1, await said(phone, [silence(1), first, pause]))
            await phone.until_event(ReplyAudio)  # it has come, and has not left for the phone
            phone.call.cancel(1, heard_ms=0)
            phone.call.commit(2, await said(phone, [second, silence(0.5)]))
            heard = await phone.reply_to(2)
            match, at = best_match(heard, np.concatenate([first, pause, second]))
            assert match > 0.95
            assert abs(at / 16000 - 0.1) < 0.03

    simulate(story())


def test_what_was_heard_in_part_is_not_said_again():
    async def story():
        async with place(pace=0) as where, connection(where) as line:
            phone = await Phone(line, where.agent(output_rate_hz=16000)).opened()
            phone.call.answered()
            phone.call.commit(1, phone.say(np.concatenate([speech(0.8, seed=1), silence(0.6)])))
            await phone.until_event(ReplyAudio)
            phone.call.cancel(1, heard_ms=40)
            second = speech(0.6, seed=2)
            phone.call.commit(2, phone.say(np.concatenate([second, silence(0.5)])))
            heard = await phone.reply_to(2)
            assert len(heard) / 16000 < 1.2
            assert best_match(heard, second)[0] > 0.95

    simulate(story())
