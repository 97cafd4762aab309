import contextlib

import numpy as np
import pytest

from bridge.backends import VllmOptions, build
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
from tests.backends.calls import answered, of, turn
from tests.backends.desk import Answer, ms
from tests.backends.vllm_server import VllmServer
from tests.backends.web import web_server
from tests.leg.network import connection, place, speech
from tests.leg.virtual import simulate


@contextlib.asynccontextmanager
async def line_to(*answers: Answer, kind=VllmServer, **options):
    async with web_server(*answers, kind=kind) as server:
        given = {"backend": "vllm", "url": server.url, "model": "m", "connect_timeout_secs": 2}
        agent = build("model", VllmOptions(**(given | options)), None)
        async with place({"model": agent}) as where, connection(where) as line:
            yield server, await answered(line, where)


def test_a_call_is_answered():
    async def story():
        voice = speech(1.0, 24_000, seed=9)
        async with line_to(Answer(voice.tobytes(), "Good day.")) as (server, phone):
            assert np.array_equal(await turn(phone, 1), voice)
            assert len(server.sessions[0].turns) == 1
            assert of(phone, Transcript)[0].text == "Good day."
            used = of(phone, UsageReported)[0]
            assert (used.input_tokens, used.output_tokens) == (10, 20)

    simulate(story())


def test_the_model_acts_on_the_call():
    async def story():
        answers = [
            Answer(calls=[("send_dtmf", '{"digits": "12#"}')]),
            Answer(ms(100), "Done."),
            Answer(ms(100), "I connect you.", [("transfer", '{"target": "+4930123456"}')]),
            Answer(ms(100), "Goodbye.", [("hangup", '{"reason": "all said"}')]),
        ]
        tools = ("hangup", "transfer", "send_dtmf")
        async with line_to(*answers, tools=tools) as (_, phone):
            assert len(await turn(phone, 1)) == 24 * 100
            assert of(phone, DtmfAsked) == [DtmfAsked("12#")]
            phone.call.prime(2)
            phone.call.commit(2, phone.say(speech(0.5)))
            assert await phone.until_event(TransferAsked) == TransferAsked("+4930123456")
            await turn(phone, 3)
            assert (await phone.until_event(HangupAsked)).reason == "all said"
            called = [(event.name, event.turn) for event in of(phone, ToolCalled)]
            assert called == [("send_dtmf", 1), ("transfer", 2), ("hangup", 3)]

    simulate(story())


def test_an_interruption_truncates_what_was_heard():
    async def story():
        answers = [Answer(ms(1000), "one two", hold=True), Answer(ms(200, 9))]
        async with line_to(*answers) as (server, phone):
            phone.call.prime(1)
            phone.call.commit(1, phone.say(speech(0.5)))
            await phone.until(lambda: len(phone.heard(1)) > 12_000)
            phone.call.cancel(1, 400)
            assert len(await turn(phone, 2)) == 24 * 200
            assert list(server.sessions[0].truncated.values()) == [400]
            assert [e.turn for e in of(phone, ReplyEnd)] == [2]

    simulate(story())


def test_a_server_started_without_functions_says_so():
    class Plain(VllmServer):
        parses_tools = False

    async def story():
        async with line_to(kind=Plain, tools=("hangup",)) as (_, phone):
            assert len(await turn(phone, 1)) == 0
            assert {event.code for event in of(phone, Noticed)} == {"backend_error"}

    simulate(story())


@pytest.mark.parametrize("close_code", [1001, 1011, 1012])
def test_a_new_connection_is_told_the_agents_words(close_code):
    async def story():
        answers = [Answer(ms(100), "I am Ada."), Answer(ms(200, 9))]
        async with line_to(*answers) as (server, phone):
            await turn(phone, 1)
            await server.sockets[0].close(code=close_code)
            assert len(await turn(phone, 2)) == 24 * 200
            told = server.sessions[1].of("conversation.item.create")
            assert [m["item"]["content"][0]["text"] for m in told] == ["I am Ada."]
            assert [event.code for event in of(phone, Noticed)] == ["backend_lost"]

    simulate(story())
