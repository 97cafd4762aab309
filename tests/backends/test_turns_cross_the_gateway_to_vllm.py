"""vLLM-Omni's older dialect over a real WebSocket, with a server that forgives nothing."""

import asyncio
import contextlib

import numpy as np

from bridge.backends import VllmOptions, build
from bridge.leg.interface import (
    LegFailed,
    Noticed,
    ReplyAudio,
    ReplyEnd,
    Transcript,
    UsageReported,
)
from tests.backends.calls import answered, of, turn
from tests.backends.desk import ms
from tests.backends.turns_server import Said, TurnsServer
from tests.backends.web import web_server
from tests.leg.network import connection, place, speech
from tests.leg.virtual import simulate


@contextlib.asynccontextmanager
async def line_to(*answers: Said, **options):
    async with web_server(*answers, kind=TurnsServer) as server:
        given = {"backend": "vllm", "url": server.url, "model": "m", "dialect": "turns"}
        agent = build("model", VllmOptions(**(given | {"connect_timeout_secs": 2} | options)), None)
        async with place({"model": agent}) as where, connection(where) as line:
            yield server, await answered(line, where)


async def until(done) -> None:
    async with asyncio.timeout(10):
        while not done():
            await asyncio.sleep(0.01)


def test_what_the_caller_says_arrives_untouched_and_what_the_model_says_is_heard():
    async def story():
        voice = speech(1.0, 24_000, seed=9)
        async with line_to(Said(voice.tobytes(), "Good day.")) as (server, phone):
            heard = await turn(phone, 1)
            assert np.array_equal(heard, voice)
            (session,) = server.sessions
            assert session.model == "m"
            assert session.turns == [speech(0.5, seed=1).tobytes()]
            assert session.heard == ["update", "commit False", "append", "commit True"]
            (said,) = of(phone, Transcript)
            assert (said.role, said.text, said.turn) == ("agent", "Good day.", 1)
            (used,) = of(phone, UsageReported)
            assert (used.input_tokens, used.output_tokens) == (10, 20)

    simulate(story())


def test_turns_follow_one_another_on_one_connection():
    async def story():
        answers = [Said(ms(100 * n)) for n in (1, 2, 3)]
        async with line_to(*answers) as (server, phone):
            lengths = [len(await turn(phone, n)) for n in (1, 2, 3)]
            assert lengths == [24 * 100, 24 * 200, 24 * 300]
            assert len(server.sessions) == 1
            assert of(phone, Noticed) == []

    simulate(story())


def test_a_voice_at_another_rate_is_converted():
    async def story():
        said = speech(1.0, 16_000, seed=4)
        async with line_to(Said(said.tobytes(), rate_hz=16_000)) as (_, phone):
            heard = await turn(phone, 1)
            assert abs(len(heard) - 24_000) < 24 * 30

    simulate(story())


def test_what_it_says_early_is_held_until_the_commit():
    async def story():
        async with line_to(Said(ms(200, 9), early=ms(300))) as (server, phone):
            phone.call.prime(1)
            last = phone.say(speech(0.5))
            await until(lambda: server.sessions[0].heard[-1:] == ["append"])
            await asyncio.sleep(0.2)
            assert of(phone, ReplyAudio) == []
            phone.call.commit(1, last)
            heard = await phone.reply_to(1)
            assert np.array_equal(heard, np.frombuffer(ms(300) + ms(200, 9), "<i2"))

    simulate(story())


def test_what_it_says_early_to_a_commit_that_is_taken_back_is_never_heard():
    async def story():
        wrong, right = Said(early=ms(300), hold=True), Said(ms(200, 9))
        async with line_to(wrong, right) as (server, phone):
            phone.call.prime(1)
            last = phone.say(speech(0.5))
            await until(lambda: server.sessions[0].heard[-1:] == ["append"])
            phone.call.commit(1, last)
            phone.call.cancel(1, 0)
            last = phone.say(speech(0.5, seed=2))
            await until(lambda: len(server.sessions) == 2)
            phone.call.commit(2, last)
            heard = await phone.reply_to(2)
            assert len(heard) == 24 * 200
            assert phone.heard(1).size == 0
            both = np.concatenate([speech(0.5), speech(0.5, seed=2)])
            assert server.sessions[1].turns == [both.tobytes()]

    simulate(story())


def test_an_interrupted_reply_closes_the_connection_and_the_next_turn_has_its_own():
    async def story():
        async with line_to(Said(ms(1000), hold=True), Said(ms(200, 9))) as (server, phone):
            phone.call.prime(1)
            phone.call.commit(1, phone.say(speech(0.5)))
            await phone.until(lambda: len(phone.heard(1)) > 12_000)
            phone.call.cancel(1, 400)
            assert len(await turn(phone, 2)) == 24 * 200
            assert len(server.sessions) == 2
            assert server.sockets[0].closed
            assert [e.turn for e in of(phone, ReplyEnd)] == [2]
            assert of(phone, Noticed) == []

    simulate(story())


def test_a_lost_connection_costs_a_notice_and_the_turn_is_told_again():
    async def story():
        async with line_to(Said(hold=True), Said(ms(200))) as (server, phone):
            phone.call.prime(1)
            phone.call.commit(1, phone.say(speech(0.5)))
            await until(lambda: server.sessions[0].turns)
            await server.sockets[0].close(code=1011)
            assert len(await phone.reply_to(1)) == 24 * 200
            assert server.sessions[0].turns == server.sessions[1].turns
            assert [notice.code for notice in of(phone, Noticed)] == ["backend_lost"]

    simulate(story())


def test_a_turn_that_begins_while_it_speaks_waits_for_the_end():
    async def story():
        async with line_to(Said(ms(300), hold=True), Said(ms(200, 9))) as (server, phone):
            phone.call.prime(1)
            phone.call.commit(1, phone.say(speech(0.5)))
            await phone.until(lambda: phone.heard(1).size)
            phone.call.prime(2)
            last = phone.say(speech(0.5, seed=2))
            await asyncio.sleep(0.2)  # what is sent now would be thrown away
            session = server.sessions[0]
            for message in session.finish():
                await server.sockets[0].send_json(message)
            await phone.reply_to(1)
            phone.call.commit(2, last)
            assert len(await phone.reply_to(2)) == 24 * 200
            assert session.turns[1] == speech(0.5, seed=2).tobytes()

    simulate(story())


def test_a_generation_that_fails_is_an_empty_reply_and_the_call_goes_on():
    async def story():
        async with line_to(Said(error="out of memory"), Said(ms(100))) as (_, phone):
            assert len(await turn(phone, 1)) == 0
            (notice,) = of(phone, Noticed)
            assert (notice.code, "out of memory" in notice.message) == ("backend_error", True)
            assert len(await turn(phone, 2)) == 24 * 100

    simulate(story())


def test_a_turn_in_which_nothing_was_heard_is_a_moment_of_silence():
    async def story():
        async with line_to(Said(ms(100))) as (server, phone):
            phone.call.prime(1)
            phone.call.commit(1, -1)
            assert len(await phone.reply_to(1)) == 24 * 100
            assert server.sessions[0].turns == [bytes(16 * 2 * 100)]

    simulate(story())


def test_an_endless_reply_is_cut_and_the_next_turn_is_answered():
    async def story():
        answers = [Said(ms(1500), hold=True), Said(ms(100))]
        async with line_to(*answers, max_reply_secs=1) as (_, phone):
            await turn(phone, 1)
            assert [notice.code for notice in of(phone, Noticed)] == ["backend_reply_too_long"]
            assert len(await turn(phone, 2)) == 24 * 100

    simulate(story())


def test_a_silent_server_is_given_up_and_the_next_one_answers():
    async def story():
        async with line_to(Said(hold=True), Said(ms(100)), reply_timeout_secs=1) as (server, phone):
            assert len(await turn(phone, 1)) == 24 * 100
            assert [notice.code for notice in of(phone, Noticed)] == ["backend_timeout"]
            assert len(server.sessions) == 2
            assert not of(phone, LegFailed)

    simulate(story())
