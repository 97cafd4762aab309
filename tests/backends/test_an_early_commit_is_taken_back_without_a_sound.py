"""A pause taken for the end of a turn: the server begins to answer, and nobody hears it."""

import asyncio

import pytest
from pydantic import SecretStr

from bridge.backends import OpenAiOptions, VllmOptions, build
from bridge.leg.interface import Noticed, ReplyEnd
from tests.backends.calls import answered, of
from tests.backends.desk import Answer, ms
from tests.backends.model_server import ModelServer
from tests.backends.vllm_server import VllmServer
from tests.backends.web import web_server
from tests.leg.network import connection, place, speech
from tests.leg.virtual import simulate


def agent(backend: str, url: str):
    if backend == "openai":
        options = OpenAiOptions(url=url, api_key=SecretStr("hush"), connect_timeout_secs=2)
    else:
        options = VllmOptions(backend="vllm", url=url, model="m", connect_timeout_secs=2)
    return build("model", options, None)


async def until(done) -> None:
    async with asyncio.timeout(10):
        while not done():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("held", [b"", ms(300)], ids=["thinking", "speaking"])
@pytest.mark.parametrize(("backend", "kind"), [("openai", ModelServer), ("vllm", VllmServer)])
def test_the_answer_that_was_begun_is_thrown_away_and_the_turn_goes_on(backend, kind, held):
    async def story():
        answers = [Answer(held, "Wait", hold=True), Answer(ms(200, 9), "Four.")]
        async with web_server(*answers, kind=kind) as server:
            made = agent(backend, server.url)
            async with place({"model": made}) as where, connection(where) as line:
                phone = await answered(line, where)
                session = server.sessions[0]
                phone.call.prime(1)
                phone.call.commit(1, phone.say(speech(0.5)))
                await until(lambda: session.of("response.create"))
                phone.call.cancel(1, 0)
                await until(lambda: session.of("response.cancel"))
                phone.call.commit(2, phone.say(speech(0.4, seed=2)))
                assert len(await phone.reply_to(2)) == 24 * 200
                # Both parts of the turn are in the conversation, each once.
                assert [len(said) // 48 for said in session.turns] == pytest.approx(
                    [500, 400], abs=25
                )
                assert [m["response"]["metadata"] for m in session.of("response.create")] == [
                    {"turn": "1"},
                    {"turn": "2"},
                ]
                assert [event.turn for event in of(phone, ReplyEnd)] == [2]
                assert of(phone, Noticed) == []
                assert len(server.sessions) == 1
                if held:
                    assert list(session.truncated.values()) == [0]

    simulate(story())
