"""Stage overlap: answered in a pause, held until the commit, thrown away if it was wrong."""

import asyncio

from bridge.leg.interface import DtmfAsked, HangupAsked, ReplyAudio
from tests.cascade.desk import agent, call_to, caller, said_by, say
from tests.leg.network import run, silence


async def settled(made, drafts: int) -> None:
    async with asyncio.timeout(20):
        while made.stats.drafts < drafts:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)


def heard_of(phone) -> int:
    return sum(isinstance(event, ReplyAudio) for event in phone.events)


def test_a_draft_is_silent_until_the_commit_and_then_is_the_reply():
    async def story():
        made = agent()
        async with call_to(made) as phone:
            phone.call.prime(1)
            last = phone.say(caller("What are your opening hours?"))
            await settled(made, 1)
            assert heard_of(phone) == 0
            phone.call.commit(1, last)
            await phone.reply_to(1)
            assert await said_by(phone, "agent") == ["We are open from eight to six every day."]
            assert (made.stats.drafts, made.stats.drafts_used) == (1, 1)

    run(story())


def test_a_caller_who_goes_on_makes_the_draft_void():
    async def story():
        made = agent()
        async with call_to(made) as phone:
            phone.call.prime(1)
            phone.say(caller("I want to order three"))
            await settled(made, 1)
            phone.call.commit(1, phone.say(caller("five two")))
            await phone.reply_to(1)
            assert await said_by(phone, "caller") == ["i want to order three five two"]
            assert await said_by(phone, "agent") == ["You want to order three five two."]
            assert made.stats.drafts_used <= made.stats.drafts - 1

    run(story())


def test_a_commit_that_is_taken_back_adds_what_follows():
    async def story():
        made = agent()
        async with call_to(made) as phone:
            say(phone, 1, "I want to order three")
            await said_by(phone, "caller")
            phone.call.cancel(1, 0)
            last = phone.say(caller("five two"))
            await settled(made, made.stats.drafts + 1)
            phone.call.commit(2, last)
            await phone.reply_to(2)
            assert (await said_by(phone, "caller"))[-1] == "i want to order three five two"
            assert (await said_by(phone, "agent"))[-1] == "You want to order three five two."

    run(story())


def test_a_commit_that_is_taken_back_does_not_press_the_keys_again():
    async def story():
        async with call_to(agent(early_ms=0)) as phone:
            say(phone, 1, "Open the door.")
            await phone.until_event(DtmfAsked)
            phone.call.cancel(1, 0)
            phone.call.commit(2, phone.say(silence(0.3)))
            await phone.reply_to(2)
            assert (await said_by(phone, "agent"))[-1] == "It opens."
            assert [e for e in phone.events if isinstance(e, DtmfAsked)] == [DtmfAsked("9#")]

    run(story())


def test_a_commit_that_is_taken_back_hangs_up_after_the_words_that_are_heard():
    async def story():
        async with call_to(agent(early_ms=0)) as phone:
            say(phone, 1, "Thank you goodbye.")
            await phone.reply_to(1)
            phone.call.cancel(1, 0)
            phone.call.commit(2, phone.say(silence(0.3)))
            await phone.reply_to(2)
            assert (await said_by(phone, "agent"))[-1] == "Goodbye."
            phone.call.playout(2, 60_000)
            phone._line.flush()
            await phone.until_event(HangupAsked)

    run(story())


def test_what_an_earlier_turn_has_done_is_done_again_in_one_that_is_taken_back():
    async def story():
        async with call_to(agent(early_ms=0)) as phone:
            say(phone, 1, "Open the door.")
            await phone.reply_to(1)
            phone.call.prime(2)
            last = phone.say(caller("Open the door."))
            phone.call.commit(2, last)
            phone.call.cancel(2, 0)
            phone.call.commit(3, phone.say(silence(0.3)))
            await phone.reply_to(3)
            assert len([e for e in phone.events if isinstance(e, DtmfAsked)]) == 2

    run(story())


def test_without_early_ms_nothing_is_begun_before_the_commit():
    async def story():
        made = agent(early_ms=0)
        async with call_to(made) as phone:
            say(phone, 1, "What are your opening hours?")
            await phone.reply_to(1)
            assert (made.stats.drafts, made.stats.drafts_used) == (0, 0)

    run(story())
