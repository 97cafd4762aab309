import asyncio
import contextlib
import json

import pytest

from bridge.backends.cascade import stages
from bridge.leg.interface import (
    DtmfAsked,
    HangupAsked,
    LegFailed,
    Noticed,
    ToolCalled,
    UsageReported,
)
from tests.cascade.chat_server import Says, chat_server
from tests.cascade.desk import call_to, caller, options, said_by, say
from tests.leg.network import Phone, connection, place, run

PHRASES = ("what are your opening hours", "i want to order <digits>")
QUESTION, ORDER = "What are your opening hours?", "I want to order three five two"
APOLOGY = "Sorry, something went wrong. Please say that again."


def made(server, functions=None, **changes):
    llm = {
        "engine": "chat",
        "url": server.url,
        "model": "small",
        "api_key": "hush",
        "instructions": "Be brief.",
        "timeout_secs": 4.0,
    }
    given = options(llm=llm, asr={"phrases": PHRASES}, **changes)
    return stages.agent("assistant", given, functions)


@contextlib.asynccontextmanager
async def call(*answers: Says, **changes):
    async with chat_server(*answers) as server, call_to(made(server, **changes)) as phone:
        yield server, phone


def of(phone, kind):
    return [event for event in phone.events if isinstance(event, kind)]


def test_the_model_is_offered_what_both_sides_allow():
    async def story():
        tools, asked = ("hangup", "transfer"), Says(["Yes."])
        async with chat_server(asked, asked) as server:
            agent = made(server, tools=tools)
            async with place({"assistant": agent}) as where, connection(where) as line:
                for headers in ({"tools": "send_dtmf transfer"}, {"tools": ""}):
                    spec = where.agent("assistant")
                    phone = await Phone(line, spec, headers=headers).opened()
                    say(phone, 1, QUESTION)
                    await phone.reply_to(1)
            names = [
                [tool["function"]["name"] for tool in request.get("tools", [])]
                for request in server.requests
            ]
            assert names == [["transfer"], []]

    run(story())


def test_words_are_spoken_as_they_stream_in_and_remembered():
    async def story():
        first = Says(["We are ", "open. Come ", "soon", "!"])
        async with call(first, Says(["Noted."])) as (server, phone):
            say(phone, 1, QUESTION)
            await phone.reply_to(1)
            say(phone, 2, ORDER)
            await phone.reply_to(2)
            said = await said_by(phone, "agent", 2)
            assert said == ["We are open. Come soon!", "Noted."]
            assert server.requests[1]["messages"] == [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "what are your opening hours"},
                {"role": "assistant", "content": "We are open. Come soon!"},
                {"role": "user", "content": "i want to order three five two"},
            ]
            used = of(phone, UsageReported)[0]
            assert (used.input_tokens, used.output_tokens) == (12, 34)
            assert server.headers[0]["Authorization"] == "Bearer hush"
            keys = {headers["X-Routing-Key"] for headers in server.headers}
            assert keys == {phone.call.core.sid}

    run(story())


def test_the_model_calls_functions_and_hears_their_results():
    async def look_up(info, arguments) -> str:
        return f"{arguments['number']} is ready"

    async def story():
        asked = Says(["One moment."], [("look_up", '{"number": 352}')])
        keys = Says([], [("send_dtmf", '{"digits": "9"}'), ("hangup", "{}")])
        async with chat_server(asked, keys, Says(["It is ready."])) as server:
            tools = ("hangup", "send_dtmf")
            agent = made(server, {"look_up": look_up}, tools=tools)
            async with call_to(agent) as phone:
                say(phone, 1, ORDER)
                await phone.reply_to(1)
                assert of(phone, DtmfAsked) == [DtmfAsked("9")]
                assert await phone.until_event(HangupAsked) == HangupAsked("")
                names = [event.name for event in of(phone, ToolCalled)]
                assert names == ["look_up", "send_dtmf", "hangup"]
                results = [m["content"] for m in server.requests[1]["messages"][-1:]]
                assert results == ["352 is ready"]
                assert await said_by(phone, "agent") == ["One moment. It is ready."]

    run(story())


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Says(status=429), "backend_busy"),
        (Says(status=500), "backend_unreachable"),
        (Says(status=401), "backend_refused"),
        (Says(raw=[b"data: nonsense\n\n"]), "backend_protocol"),
        (Says(raw=[b"data: []\n\n"]), "backend_protocol"),
        (Says(raw=[b'data: {"choices": 5}\n\n']), "backend_protocol"),
        (Says(raw=[b'data: {"error": {"message": "full"}}\n\n']), "backend_error"),
        (Says(raw=[b"data: " + b"x" * 2_000_000 + b"\n\n"]), "backend_protocol"),
    ],
)
def test_a_server_that_fails_costs_one_reply(answer, code):
    async def story():
        async with call(answer, Says(["Good."]), early_ms=0) as (_server, phone):
            say(phone, 1, QUESTION)
            await phone.reply_to(1)
            assert await said_by(phone, "agent") == [APOLOGY]
            assert [event.code for event in of(phone, Noticed)] == [code]
            say(phone, 2, ORDER)
            await phone.reply_to(2)
            assert (await said_by(phone, "agent", 2))[1] == "Good."

    run(story())


def test_the_third_failure_in_a_row_ends_the_call():
    async def story():
        failing = [Says(status=503)] * 3
        async with call(*failing, early_ms=0) as (_server, phone):
            for number in (1, 2):
                say(phone, number, QUESTION)
                await phone.reply_to(number)
            say(phone, 3, QUESTION)
            assert (await phone.until_event(LegFailed)).code == "backend_busy"

    run(story())


@pytest.mark.parametrize(
    ("status", "code"), [(401, "backend_refused"), (500, "backend_unreachable")]
)
def test_a_phone_is_not_answered_for_a_server_that_is_not_there(status, code):
    async def story():
        async with chat_server() as server:
            server.models_status = status
            agent = made(server)
            async with place({"assistant": agent}) as where, connection(where) as line:
                assert (await Phone(line, where.agent("assistant")).failed()).code == code
        async with place({"assistant": agent}) as where, connection(where) as line:
            gone = await Phone(line, where.agent("assistant")).failed()
            assert gone.code == "backend_unreachable"

    run(story())


def test_a_draft_calls_no_function_before_the_turn_is_over():
    async def story():
        answer = Says([], [("hangup", "{}")])
        async with call(answer, tools=("hangup",)) as (server, phone):
            phone.call.prime(1)
            last = phone.say(caller(QUESTION))
            async with asyncio.timeout(20):
                while not server.requests:
                    await asyncio.sleep(0.02)
            await asyncio.sleep(0.3)
            assert of(phone, ToolCalled) == of(phone, HangupAsked) == []
            phone.call.commit(1, last)
            await phone.until_event(HangupAsked)

    run(story())


def test_a_commit_that_is_taken_back_does_not_call_again_what_was_called():
    booked = []

    async def book(info, arguments) -> str:
        booked.append(arguments)
        return "booked"

    async def story():
        asked = Says([], [("book", '{"table": 4}')])
        answers = [asked, Says(["Table four is", " booked."]), Says(["It is booked."])]
        async with chat_server(*answers) as server:
            async with call_to(made(server, {"book": book}, early_ms=0)) as phone:
                say(phone, 1, QUESTION)
                await phone.until_event(ToolCalled)
                async with asyncio.timeout(10):
                    while len(server.requests) < 2:
                        await asyncio.sleep(0.01)
                phone.call.cancel(1, 0)
                phone.call.commit(2, phone.say(caller("please")))
                await phone.reply_to(2)
                assert (await said_by(phone, "agent"))[-1] == "It is booked."
            roles = [message["role"] for message in server.requests[-1]["messages"]]
            assert roles == ["system", "user", "assistant", "tool"]
            assert booked == [{"table": 4}]

    run(story())


def test_a_function_that_is_being_called_when_the_commit_is_taken_back_is_not_called_again():
    booked = []

    async def book(info, arguments) -> str:
        booked.append(arguments)
        await asyncio.sleep(60)
        return "booked"

    async def story():
        answers = [Says([], [("book", '{"table": 4}')]), Says(["Let me see."])]
        async with chat_server(*answers) as server:
            async with call_to(made(server, {"book": book}, early_ms=0)) as phone:
                say(phone, 1, QUESTION)
                await phone.until_event(ToolCalled)
                phone.call.cancel(1, 0)
                phone.call.commit(2, phone.say(caller("please")))
                await phone.reply_to(2)
            *_, called, told = server.requests[-1]["messages"]
            assert (called["role"], told["role"]) == ("assistant", "tool")
            assert "not known" in told["content"]
            assert booked == [{"table": 4}]

    run(story())


def test_half_a_character_is_spoken_and_told():
    async def story():
        halves = ("It is 5 \ud83d", "\ude00 and \ud83d.")
        chunks = [{"choices": [{"index": 0, "delta": {"content": half}}]} for half in halves]
        said = Says(raw=[f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks])
        async with call(said, early_ms=0) as (_server, phone):
            say(phone, 1, QUESTION)
            await phone.reply_to(1)
            assert await said_by(phone, "agent") == ["It is 5 \U0001f600 and \ufffd."]

    run(story())
