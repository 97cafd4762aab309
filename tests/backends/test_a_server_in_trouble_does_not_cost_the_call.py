"""Limits, silence, stalls and breaks of a server, each over a real socket: the call goes on, the
plugin is told, and it is counted."""

import asyncio
import contextlib
import socket

from pydantic import SecretStr

from bridge.backends import OpenAiOptions, build, server_line
from bridge.backends.history import MAX_ITEMS
from bridge.leg.interface import LegFailed, Noticed
from tests.backends.calls import answered, of, turn
from tests.backends.desk import Answer, ms
from tests.backends.model_server import ModelServer
from tests.backends.web import web_server
from tests.leg.network import connection, place, silence, speech
from tests.leg.virtual import simulate


@contextlib.asynccontextmanager
async def line_to(server, spare=None, **options):
    """A phone on a call, and what the agent counts."""
    given = {
        "url": server.url,
        "fallback_urls": (spare.url,) if spare else (),
        "api_key": SecretStr("hush"),
        "connect_timeout_secs": 2,
    }
    agent = build("model", OpenAiOptions(**(given | options)), None)
    async with place({"model": agent}) as where, connection(where) as line:
        yield await answered(line, where), agent.servers.stats


async def until(done) -> None:
    async with asyncio.timeout(15):
        while not done():
            await asyncio.sleep(0.01)


def codes(phone) -> list[str]:
    assert of(phone, LegFailed) == []
    return [event.code for event in of(phone, Noticed)]


def test_a_session_that_the_server_ends_with_an_error():
    async def story():
        answers = [Answer(ms(100), "I am Ada."), Answer(ms(200))]
        async with web_server(*answers) as server, line_to(server) as (phone, stats):
            await turn(phone, 1)
            session, web = server.sessions[0], server.sockets[0]
            await web.send_json(session.error("session_expired"))
            await until(lambda: stats.sessions == 2)
            assert len(await turn(phone, 2)) == 24 * 200
            told = server.sessions[1].of("conversation.item.create")
            assert [m["item"]["content"][0]["text"] for m in told] == ["I am Ada."]
            assert codes(phone) == ["backend_lost"]
            assert (stats.sessions, stats.renewed, stats.replies) == (2, 0, 2)
            assert dict(stats.lost) == {"backend_lost": 1}
            assert dict(stats.notices) == {"backend_lost": 1}

    simulate(story())


def test_a_session_replaced_before_its_end_is_counted_and_is_no_trouble():
    async def story():
        async with web_server(Answer(ms(100)), Answer(ms(100))) as server:
            server.expires_in = 4.0
            async with line_to(server) as (phone, stats):
                server.expires_in = 0.0
                async with asyncio.timeout(15):
                    while not stats.renewed:
                        phone.say(silence(0.02))
                        await asyncio.sleep(0.02)
                await turn(phone, 1)
                assert codes(phone) == []
                assert (stats.sessions, stats.renewed, dict(stats.lost)) == (2, 1, {})

    simulate(story())


def test_a_server_without_room_for_a_new_session_keeps_the_old_one():
    async def quiet_until(phone, done):
        async with asyncio.timeout(60):
            while not done():
                phone.say(silence(0.02))
                await asyncio.sleep(0.02)

    async def story():
        async with web_server(Answer(ms(100)), Answer(ms(200))) as server:
            server.expires_in = 12.0
            async with line_to(server, reconnects=0) as (phone, stats):
                server.expires_in, server.refuse_with = 0.0, [429, 503, 401]
                await quiet_until(phone, lambda: stats.lost["backend_refused"])
                assert len(server.sessions) == 1
                assert dict(stats.lost) == {"backend_busy": 2, "backend_refused": 1}
                await quiet_until(phone, lambda: stats.renewed)
                assert len(await turn(phone, 1)) == 24 * 100
                assert [len(session.turns) for session in server.sessions] == [0, 1]
                assert codes(phone) == []

    simulate(story())


def test_a_rate_limit_is_waited_for():
    class Limited(ModelServer):
        def _response_create(self, message):
            said = super()._response_create(message)
            if said[-1]["response"]["status"] == "failed":
                limits = [{"name": "requests", "limit": 5, "remaining": 0, "reset_seconds": 1.0}]
                said.insert(0, self._say("rate_limits.updated", rate_limits=limits))
            return said

    async def story():
        refused = Answer(status="failed", error="rate_limit_exceeded")
        async with (
            web_server(refused, Answer(ms(100)), kind=Limited) as server,
            line_to(server) as (phone, stats),
        ):
            loop = asyncio.get_running_loop()
            began = loop.time()
            assert len(await turn(phone, 1)) == 24 * 100
            assert loop.time() - began >= 0.9
            assert codes(phone) == ["backend_rate_limited"] * 2
            assert stats.notices["backend_rate_limited"] == 2
            assert (stats.sessions, dict(stats.lost)) == (1, {})

    simulate(story())


def test_a_server_that_does_not_answer_in_time():
    async def story():
        async with (
            web_server(Answer(hold=True)) as slow,
            web_server(Answer(ms(100))) as spare,
            line_to(slow, spare, reply_timeout_secs=1) as (phone, stats),
        ):
            assert len(await turn(phone, 1)) == 24 * 100
            assert spare.sessions[0].turns == slow.sessions[0].turns
            assert codes(phone) == ["backend_timeout"]
            assert dict(stats.lost) == {"backend_timeout": 1}

    simulate(story())


def test_a_server_that_stops_in_the_middle_of_a_word():
    async def story():
        stuck = Answer(ms(300), "one two", hold=True)
        async with (
            web_server(stuck) as slow,
            web_server(Answer(ms(100))) as spare,
            line_to(slow, spare, reply_timeout_secs=1) as (phone, _),
        ):
            assert len(await turn(phone, 1)) == 24 * 300
            assert len(await turn(phone, 2)) == 24 * 100
            assert codes(phone) == ["backend_timeout"]

    simulate(story())


def test_a_server_that_never_takes_the_settings_is_passed_over():
    class Mute(ModelServer):
        def greet(self):
            return []

    async def story():
        async with (
            web_server(kind=Mute) as mute,
            web_server(Answer(ms(100))) as spare,
            line_to(mute, spare, connect_timeout_secs=0.5) as (phone, stats),
        ):
            assert len(await turn(phone, 1)) == 24 * 100
            assert codes(phone) == []  # the phone was not answered before
            assert dict(stats.lost) == {"backend_timeout": 1}

    simulate(story())


async def _deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, held: list) -> None:
    """A WebSocket server that takes the settings and then reads nothing more."""
    import base64
    import hashlib
    import json

    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    key = next(line for line in head.splitlines() if line.lower().startswith("sec-websocket-key"))
    magic = key.split(":", 1)[1].strip() + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept = base64.b64encode(hashlib.sha1(magic.encode()).digest()).decode()
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
    )
    for kind in ("session.created", "session.updated"):
        text = json.dumps({"type": kind, "session": {}}).encode()
        writer.write(bytes([0x81, len(text)]) + text)
    await writer.drain()
    writer.transport.pause_reading()
    held.append(writer)


def test_a_server_that_reads_no_more():
    async def story():
        held: list[asyncio.StreamWriter] = []
        small = socket.socket()
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        small.bind(("127.0.0.1", 0))
        deaf = await asyncio.start_server(lambda r, w: _deaf(r, w, held), sock=small)

        class Address:
            url = f"ws://127.0.0.1:{small.getsockname()[1]}/"

        async with (
            web_server(Answer(ms(100))) as spare,
            line_to(Address, spare, max_turn_secs=600) as (phone, stats),
        ):
            phone.call.prime(1)
            async with asyncio.timeout(30):
                while not spare.sessions:
                    last = phone.say(speech(0.2))
                    await asyncio.sleep(0.2)
            phone.call.commit(1, last)
            assert len(await phone.reply_to(1)) == 24 * 100
            assert codes(phone) == ["backend_lost"]
            assert dict(stats.lost) == {"backend_lost": 1}
        for writer in held:
            writer.transport.abort()
        deaf.close()

    simulate(story())


def test_a_connection_that_breaks_without_a_word():
    async def story():
        async with (
            web_server(Answer(ms(100)), Answer(ms(200))) as server,
            line_to(server) as (phone, _),
        ):
            await turn(phone, 1)
            server.sockets[0]._req.transport.abort()
            assert len(await turn(phone, 2)) == 24 * 200
            assert codes(phone) == ["backend_lost"]

    simulate(story())


def test_losses_far_apart_do_not_add_up():
    async def story():
        async with (
            web_server(Answer(ms(100))) as server,
            line_to(server, reconnects=1) as (phone, stats),
        ):
            for n in range(4):
                await until(lambda n=n: stats.sessions == n + 1)
                await asyncio.sleep(server_line.STEADY_SECS + 0.1)
                await server.sockets[n].close(code=1012)
            await until(lambda: stats.sessions == 5)
            assert len(await turn(phone, 1)) == 24 * 100
            assert codes(phone) == ["backend_lost"] * 4

    simulate(story())


def test_a_new_session_is_told_the_last_of_a_long_conversation():
    turns = MAX_ITEMS // 2 + 2

    async def story():
        answers = [Answer(ms(20), f"Answer {n}.") for n in range(1, turns + 2)]
        async with (
            web_server(*answers) as server,
            line_to(server, transcription_model="whisper-1") as (phone, _),
        ):
            for n in range(1, turns + 1):
                await turn(phone, n, 0.2)
            await server.sockets[0].close(code=1001)
            await turn(phone, turns + 1, 0.2)
            told = server.sessions[1].of("conversation.item.create")
            said = [
                (message["item"]["role"], message["item"]["content"][0]["text"]) for message in told
            ]
            everything = [
                line
                for n in range(1, turns + 1)
                for line in (("user", f"turn {n}"), ("assistant", f"Answer {n}."))
            ]
            assert said == everything[-MAX_ITEMS:]

    simulate(story())
