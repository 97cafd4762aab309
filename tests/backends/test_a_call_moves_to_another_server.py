"""Servers that fail, end their sessions or are full: the call goes on at the next one."""

import asyncio

import pytest
from pydantic import SecretStr

from bridge.backends import OpenAiOptions, build
from bridge.backends.places import AVOIDED_SECS, Places
from bridge.leg.interface import Noticed
from tests.backends.calls import answered, of, turn
from tests.backends.desk import Answer, ms
from tests.backends.web import web_server
from tests.leg.network import Phone, connection, place, run, silence
from tests.leg.virtual import simulate


async def pair(story, first_answers=(), second_answers=(), **options) -> None:
    """`story(where, line, first, second)` with an agent of two servers."""
    async with web_server(*first_answers) as first, web_server(*second_answers) as second:
        given = {
            "url": first.url,
            "fallback_urls": (second.url,),
            "api_key": SecretStr("hush"),
            "connect_timeout_secs": 2,
        }
        agent = build("model", OpenAiOptions(**(given | options)), None)
        async with place({"model": agent}) as where, connection(where) as line:
            await story(where, line, first, second)


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
def test_a_server_that_refuses_is_passed_over_before_the_call_is_answered(status):
    async def story(where, line, first, second):
        first.refuse_with = [status]
        phone = await answered(line, where)
        assert len(await turn(phone, 1)) == 24 * 100
        assert (len(first.sessions), len(second.sessions)) == (0, 1)
        assert of(phone, Noticed) == []
        await answered(line, where)  # the next call does not even ask it
        assert (len(first.headers), len(second.sessions)) == (1, 2)

    run(pair(story, second_answers=[Answer(ms(100))]))


@pytest.mark.parametrize("close_code", [1001, 1008, 1011, 1012, 1013, 3000, 4000])
def test_a_server_that_closes_during_a_call_is_replaced_and_the_next_is_told(close_code):
    async def story(where, line, first, second):
        phone = await answered(line, where)
        await turn(phone, 1)
        await first.sockets[0].close(code=close_code)
        assert len(await turn(phone, 2)) == 24 * 200
        told = [m["item"]["content"][0]["text"] for m in _items(second)]
        assert told == ["I am Ada."]
        assert len(of(phone, Noticed)) == 1
        keys = {h["X-Routing-Key"] for h in (*first.headers, *second.headers)}
        assert keys == {phone.call.core.sid}

    first, second = [Answer(ms(100), "I am Ada.")], [Answer(ms(200))]
    run(pair(story, first, second, reconnects=0))


def _items(server) -> list[dict]:
    return server.sessions[0].of("conversation.item.create")


def test_when_all_are_gone_the_call_fails_with_the_last_ones_reason():
    async def story(where, line, first, second):
        first.refuse_with, second.refuse_with = [500], [401]
        assert (await Phone(line, where.agent("model")).failed()).code == "backend_refused"

    run(pair(story, reconnects=0))


def test_a_session_is_renewed_before_the_server_ends_it():
    async def story(where, line, first, second):
        first.expires_in = 4.0
        phone = await answered(line, where)
        await turn(phone, 1)
        first.expires_in = 0.0
        async with asyncio.timeout(15):
            while len(first.sessions) < 2:
                phone.say(silence(0.02))
                await asyncio.sleep(0.02)
        assert len(await turn(phone, 2)) == 24 * 200
        assert of(phone, Noticed) == []
        assert second.sessions == []

    run(pair(story, [Answer(ms(100)), Answer(ms(200))]))


def test_an_expiry_that_makes_no_sense_is_not_believed():
    async def story(where, line, first, second):
        first.expires_in = -1000.0
        phone = await answered(line, where)
        await turn(phone, 1)
        phone.say(silence(1.0))
        await turn(phone, 2)
        assert len(first.sessions) == 1

    run(pair(story, [Answer(ms(100)), Answer(ms(200))]))


def test_a_server_that_names_a_time_is_left_alone_for_so_long():
    async def story():
        async with web_server(Answer(ms(100))) as server:
            options = OpenAiOptions(url=server.url, api_key=SecretStr("hush"))
            agent = build("model", options, None)
            server.refuse_with, server.refuse_headers = [429], {"Retry-After": "1"}
            loop = asyncio.get_running_loop()
            async with place({"model": agent}) as where, connection(where) as line:
                began = loop.time()
                phone = await answered(line, where)
                assert loop.time() - began >= 1.0
                assert len(await turn(phone, 1)) == 24 * 100

    simulate(story())


def test_an_address_that_failed_is_tried_last_for_a_while():
    places = Places(["a", "b", "c"])
    assert places.best(0.0) == "a"
    places.failed("a", 0.0)
    assert places.best(1.0) == "b"
    places.failed("b", 1.0)
    places.failed("c", 2.0)
    assert places.best(3.0) == "a"  # all have failed: the one that has had most time
    places.failed("a", 3.0)
    assert places.best(4.0) == "b"
    assert places.best(3.0 + AVOIDED_SECS) == "a"
    places.worked("c")
    assert places.best(5.0, frozenset({"a", "b"})) == "c"
    assert places.best(5.0, frozenset({"a", "b", "c"})) is None
