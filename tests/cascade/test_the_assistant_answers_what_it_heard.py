import pytest

from bridge.leg.interface import DtmfAsked, HangupAsked, ToolCalled, TransferAsked
from tests.cascade.desk import HOURS, agent, call_to, recognised, said_by, say
from tests.leg.network import run, speech


def test_a_question_is_recognised_answered_and_spoken():
    async def story():
        async with call_to(agent()) as phone:
            say(phone, 1, "What are your opening hours?")
            reply = await phone.reply_to(1)
            assert await said_by(phone, "caller") == ["what are your opening hours"]
            assert await said_by(phone, "agent") == ["We are open from eight to six every day."]
            others = ("what is on the menu", "you want to order <digits>")
            assert await recognised(reply, HOURS, *others) == HOURS

    run(story())


def test_digits_are_taken_into_the_answer():
    async def story():
        async with call_to(agent()) as phone:
            say(phone, 1, "I want to order three five two")
            await phone.reply_to(1)
            assert await said_by(phone, "agent") == ["You want to order three five two."]

    run(story())


def test_turns_follow_each_other_on_one_call():
    async def story():
        async with call_to(agent()) as phone:
            for turn, words in enumerate(
                ("What are your opening hours?", "What is on the menu?"), 1
            ):
                say(phone, turn, words)
                await phone.reply_to(turn)
            heard = await said_by(phone, "caller", 2)
            assert heard == ["what are your opening hours", "what is on the menu"]

    run(story())


def test_what_is_no_speech_is_not_understood():
    async def story():
        async with call_to(agent()) as phone:
            phone.call.prime(1)
            phone.call.commit(1, phone.say(speech(0.5) // 100))
            await phone.reply_to(1)
            (answer,) = await said_by(phone, "agent")
            assert answer == "Sorry, I did not understand that."

    run(story())


def test_the_agent_greets_first_when_it_is_asked_to():
    async def story():
        async with call_to(agent(), greets_first=True) as phone:
            await phone.reply_to(0)
            assert await said_by(phone, "agent") == ["Hello. How can I help you?"]
        async with call_to(agent(), greeting="This is the bakery.") as phone:
            await phone.reply_to(0)
            assert await said_by(phone, "agent") == ["This is the bakery."]

    run(story())


@pytest.mark.parametrize(
    ("words", "asked", "tool"),
    [
        ("Thank you, goodbye", HangupAsked(""), "hangup"),
        ("Please connect me with sales", TransferAsked("2000"), "transfer"),
        ("Open the door", DtmfAsked("9#"), "send_dtmf"),
    ],
)
def test_a_rule_acts_on_the_call(words, asked, tool):
    async def story():
        async with call_to(agent()) as phone:
            say(phone, 1, words)
            await said_by(phone, "agent")
            assert await phone.until_event(type(asked)) == asked
            (called,) = [e for e in phone.events if isinstance(e, ToolCalled)]
            assert (called.name, called.turn) == (tool, 1)

    run(story())


def test_who_interrupts_the_last_words_is_listened_to():
    async def story():
        async with call_to(agent()) as phone:
            say(phone, 1, "Thank you, goodbye")
            await phone.reply_to(1)
            phone.call.playout(1, 200)
            phone.call.cancel(1, 250)
            say(phone, 2, "What are your opening hours?")
            await phone.reply_to(2)
            said = await said_by(phone, "agent")
            assert said[-1] == "We are open from eight to six every day."
            assert not any(isinstance(event, HangupAsked) for event in phone.events)

    run(story())
