import asyncio

import pytest

from bridge.backends.farewell import LONGEST_WAIT
from bridge.leg.interface import HangupAsked, TransferAsked
from tests.backends.calls import answered, line_to, of, turn
from tests.backends.desk import Answer, ms
from tests.backends.web import web_server
from tests.leg.network import speech
from tests.leg.virtual import simulate

ENDS = {
    "hangup": ('{"reason": "all said"}', HangupAsked),
    "transfer": ('{"target": "2000"}', TransferAsked),
}


async def spoken(phone, number: int, ms: int) -> None:
    """A turn, and so much of its reply: one with a transfer stays open."""
    phone.call.prime(number)
    phone.call.commit(number, phone.say(speech(0.5)))
    await phone.until(lambda: len(phone.heard(number)) >= 24 * ms)


def parting(name: str) -> Answer:
    return Answer(ms(3000), "Goodbye, and thank you for calling.", [(name, ENDS[name][0])])


@pytest.mark.parametrize("name", ENDS)
def test_it_ends_when_the_phone_has_heard_all(name):
    async def story():
        async with (
            web_server(parting(name)) as server,
            line_to(server, tools=(name,)) as (where, line),
        ):
            phone = await answered(line, where)
            await spoken(phone, 1, 3000)
            phone.call.playout(1, 1000)
            await asyncio.sleep(0.3)
            assert of(phone, ENDS[name][1]) == []
            phone.call.playout(1, 3000)
            line.flush()
            await phone.until_event(ENDS[name][1])

    simulate(story())


@pytest.mark.parametrize("name", ENDS)
def test_who_interrupts_is_listened_to(name):
    async def story():
        async with (
            web_server(parting(name), Answer(ms(100), "Yes?")) as server,
            line_to(server, tools=(name,)) as (where, line),
        ):
            phone = await answered(line, where)
            await spoken(phone, 1, 3000)
            phone.call.playout(1, 400)
            phone.call.cancel(1, 500)
            assert len(await turn(phone, 2)) == 24 * 100
            phone.call.playout(2, 100)
            line.flush()
            await asyncio.sleep(0.3)
            assert of(phone, ENDS[name][1]) == []

    simulate(story())


def test_without_words_it_ends_at_once():
    async def story():
        loop = asyncio.get_running_loop()
        async with (
            web_server(Answer(calls=[("hangup", "{}")])) as server,
            line_to(server, tools=("hangup",)) as (where, line),
        ):
            phone = await answered(line, where)
            await turn(phone, 1)
            answered_at = loop.time()
            await phone.until_event(HangupAsked)
            assert loop.time() - answered_at < LONGEST_WAIT / 2

    simulate(story())


def test_a_plugin_that_does_not_say_what_was_heard_is_not_waited_for():
    async def story():
        goodbye = Answer(ms(200), "Goodbye.", [("hangup", "{}")])
        async with (
            web_server(goodbye) as server,
            line_to(server, tools=("hangup",)) as (where, line),
        ):
            phone = await answered(line, where)
            await turn(phone, 1)
            await phone.until_event(HangupAsked)

    simulate(story())
