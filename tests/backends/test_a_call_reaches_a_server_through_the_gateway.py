import asyncio

import numpy as np
import pytest

from bridge.gateway import CallInfo
from bridge.leg.interface import (
    DtmfAsked,
    HangupAsked,
    Noticed,
    ReplyEnd,
    ToolCalled,
    Transcript,
    TransferAsked,
    UsageReported,
)
from tests.backends.calls import answered, line_to, of, turn
from tests.backends.desk import Answer, ms
from tests.backends.web import web_server
from tests.leg.network import Phone, silence, speech
from tests.leg.virtual import simulate


def test_what_the_caller_says_arrives_and_what_the_model_says_is_heard():
    async def story():
        voice = speech(1.0, 24_000, seed=9)
        async with web_server(Answer(voice.tobytes(), "Good day.")) as server:
            async with line_to(server) as (where, line):
                phone = await answered(line, where)
                heard = await turn(phone, 1)
                assert np.array_equal(heard, voice)
                (said,) = server.sessions[0].turns
                assert len(said) >= 24_000 * 2 * 0.5 * 0.95
                (transcript,) = of(phone, Transcript)
                assert (transcript.role, transcript.text) == ("agent", "Good day.")
                assert of(phone, UsageReported)[0].output_tokens == 20
            assert server.headers[0]["Authorization"] == "Bearer hush"
            assert server.headers[0]["X-Routing-Key"] == phone.call.core.sid
            assert server.queries[0] == {"model": "gpt-realtime"}

    simulate(story())


def test_an_interruption_truncates_the_reply_and_the_next_turn_is_answered():
    async def story():
        answers = [Answer(ms(1000), "one two", hold=True), Answer(ms(200, 9))]
        async with web_server(*answers) as server, line_to(server) as (where, line):
            phone = await answered(line, where)
            phone.call.prime(1)
            phone.call.commit(1, phone.say(speech(0.5)))
            await phone.until(lambda: len(phone.heard(1)) > 12_000)
            phone.call.cancel(1, 400)
            heard = await turn(phone, 2)
            assert len(heard) == 24 * 200
            assert list(server.sessions[0].truncated.values()) == [400]
            assert [e.turn for e in of(phone, ReplyEnd)] == [2]

    simulate(story())


def test_the_model_hangs_up_after_its_last_words():
    async def story():
        goodbye = Answer(ms(300), "Goodbye.", [("hangup", '{"reason": "all said"}')])
        async with web_server(goodbye) as server:
            async with line_to(server, tools=("hangup",)) as (where, line):
                phone = await answered(line, where)
                await turn(phone, 1)
                asked = await phone.until_event(HangupAsked)
                assert asked.reason == "all said"
                (called,) = of(phone, ToolCalled)
                assert (called.name, called.turn) == ("hangup", 1)
            offered = server.sessions[0].session["tools"]
            assert [tool["name"] for tool in offered] == ["hangup"]

    simulate(story())


def test_the_model_presses_keys_and_speaks_about_it_and_transfers():
    async def story():
        answers = [
            Answer(calls=[("send_dtmf", '{"digits": "12#"}')]),
            Answer(ms(100), "Done."),
            Answer(calls=[("transfer", '{"target": "+4930123456"}')]),
        ]
        tools = ("send_dtmf", "transfer")
        async with web_server(*answers) as server, line_to(server, tools=tools) as (where, line):
            phone = await answered(line, where)
            assert len(await turn(phone, 1)) == 24 * 100
            assert of(phone, DtmfAsked) == [DtmfAsked("12#")]
            phone.call.prime(2)
            phone.call.commit(2, phone.say(speech(0.5)))
            assert await phone.until_event(TransferAsked) == TransferAsked("+4930123456")

    simulate(story())


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("look_up", '{"number": 7}', "order 7"),
        ("look_up", "not json", "error"),
        ("unheard_of", "{}", "error"),
        ("transfer", '{"target": "a b\\r\\nc"}', "error"),
    ],
)
def test_a_function_is_answered_or_the_model_is_told_why_not(name, arguments, told):
    async def look_up(info: CallInfo, given) -> str:
        return f"order {given['number']} of {info.caller}"

    async def story():
        answers = [Answer(calls=[(name, arguments)]), Answer(ms(100))]
        async with web_server(*answers) as server:
            async with line_to(server, {"look_up": look_up}, tools=("transfer",)) as (where, line):
                phone = await answered(line, where)
                assert len(await turn(phone, 1)) == 24 * 100
            (result,) = server.sessions[0].of("conversation.item.create")
            assert told in result["item"]["output"]

    simulate(story())


def test_a_lost_connection_is_made_anew_and_told_what_was_said():
    async def story():
        answers = [Answer(ms(100), "I am Ada."), Answer(ms(200, 9))]
        async with web_server(*answers) as server:
            async with line_to(server, transcription_model="whisper-1") as (where, line):
                phone = await answered(line, where)
                await turn(phone, 1)
                await server.sockets[0].close(code=1012)
                assert len(await turn(phone, 2)) == 24 * 200
                assert of(phone, Noticed)[0].code == "backend_lost"
            first, second = server.sessions
            told = [m["item"]["content"][0] for m in second.of("conversation.item.create")]
            assert told == [
                {"type": "input_text", "text": "turn 1"},
                {"type": "output_text", "text": "I am Ada."},
            ]
            assert (len(first.turns), len(second.turns)) == (1, 1)

    simulate(story())


def test_a_turn_that_was_not_answered_is_told_again():
    async def story():
        async with web_server(Answer(hold=True), Answer(ms(200))) as server:
            async with line_to(server) as (where, line):
                phone = await answered(line, where)
                phone.call.prime(1)
                phone.call.commit(1, phone.say(speech(0.5)))
                async with asyncio.timeout(10):
                    while not server.sessions[0].of("response.create"):
                        await asyncio.sleep(0.01)
                await server.sockets[0].close(code=1011)
                assert len(await phone.reply_to(1)) == 24 * 200
            assert server.sessions[0].turns == server.sessions[1].turns

    simulate(story())


@pytest.mark.parametrize(
    ("statuses", "options", "code"),
    [
        ([401], {}, "backend_refused"),
        ([404], {}, "backend_refused"),
        ([429, 429], {}, "backend_busy"),
        ([500, 500], {}, "backend_unreachable"),
        ([503], {"reconnects": 0}, "backend_busy"),
    ],
)
def test_a_server_that_refuses_fails_the_call_before_it_is_answered(statuses, options, code):
    async def story():
        async with web_server() as server, line_to(server, **options) as (where, line):
            server.refuse_with = statuses
            phone = Phone(line, where.agent("model"))
            assert (await phone.failed()).code == code
            assert [type(e).__name__ for e in phone.events] == ["LegFailed"]
            assert server.refuse_with == []

    simulate(story())


def test_a_busy_server_is_asked_again():
    async def story():
        async with web_server(Answer(ms(100))) as server, line_to(server) as (where, line):
            server.refuse_with = [503]
            phone = await answered(line, where)
            assert len(await turn(phone, 1)) == 24 * 100

    simulate(story())


def test_nobody_at_the_address_fails_the_call():
    async def story():
        async with web_server() as server:
            url = server.url
        async with web_server() as unused, line_to(unused, url=url) as (where, line):
            phone = Phone(line, where.agent("model"))
            assert (await phone.failed()).code == "backend_unreachable"

    simulate(story())


@pytest.mark.parametrize("said", ["[]", "nonsense", '{"type": 5}', '{"type": "response.created"}'])
def test_a_server_that_speaks_no_sense_costs_only_its_call(said):
    async def story():
        async with web_server(Answer(ms(100))) as server, line_to(server) as (where, line):
            good, bad = await answered(line, where), await answered(line, where)
            for socket in list(server.sockets[-1:]):
                await socket.send_str(said)
            await bad.until_event(Noticed)
            async with asyncio.timeout(10):
                while len(server.sockets) < 3:
                    await asyncio.sleep(0.01)
            await server.sockets[2].send_str(said)
            assert (await bad.failed()).code == "backend_protocol"
            assert len(await turn(good, 1)) == 24 * 100

    simulate(story())


def test_an_old_session_is_replaced_while_nobody_speaks():
    async def story():
        answers = [Answer(ms(100)), Answer(ms(200))]
        async with web_server(*answers) as server, line_to(server) as (where, line):
            phone = await answered(line, where)
            await turn(phone, 1)
            servers = where.gateway.agents["model"].servers
            options = servers.options
            servers.options = options.model_copy(update={"session_secs": 0.0})
            phone.say(silence(0.1))
            async with asyncio.timeout(10):
                while len(server.sessions) < 2:
                    await asyncio.sleep(0.01)
            servers.options = options
            assert len(await turn(phone, 2)) == 24 * 200
            assert of(phone, Noticed) == []

    simulate(story())


def test_calls_of_an_agent_are_limited():
    async def story():
        async with web_server() as server, line_to(server, max_calls=1) as (where, line):
            await answered(line, where)
            assert (await Phone(line, where.agent("model")).failed()).code == "too_many_calls"

    simulate(story())
