"""What servers do that speak the Realtime API and are not its owner's: each of these was read in
the sources of one (LocalAI, Speaches, speech-to-speech)."""

import asyncio
import base64
import json
import math

import pytest

from bridge.backends.interface import Expires, Failed, Noticed, Used
from bridge.leg.interface import Noticed as PhoneNoticed
from bridge.leg.interface import ToolCalled, Transcript, UsageReported
from sip_plugin.gateway.metrics import GatewayMetrics
from tests.backends.calls import answered, line_to, of, turn
from tests.backends.desk import Answer, Desk, ms
from tests.backends.web import web_server
from tests.leg.virtual import simulate


def asked(*answers: Answer) -> Desk:
    """A desk whose server owes a reply to turn 1."""
    desk = Desk(*(answers or [Answer(hold=True)]))
    desk.prime(1)
    desk.speak(500)
    desk.commit(1)
    return desk


def said_by(desk: Desk, **message) -> None:
    """The server says something that the typed models may not know."""
    desk.took(desk.core.receive(message, desk.now))


def audio(desk: Desk, **more) -> dict:
    delta = base64.b64encode(ms(100)).decode()
    return {"response_id": desk.server.active["id"], "delta": delta} | more


@pytest.mark.parametrize("kind", ["response.output_audio.delta", "response.audio.delta"])
def test_audio_without_the_name_of_its_item_is_heard_and_not_truncated(kind):
    desk = asked()
    said_by(desk, type=kind, **audio(desk, content_index=None))
    assert desk.heard(1) == ms(100)
    desk.cancel(1, 40)
    assert desk.server.kinds()[-1] == "response.cancel"


@pytest.mark.parametrize("secs", [math.nan, math.inf, -5, 10**400])
def test_a_limit_or_an_end_that_is_no_time_is_no_news(secs):
    desk = Desk(Answer(status="failed", error="rate_limit_exceeded"), Answer(ms(100)))
    limits = [{"name": "requests", "remaining": 0, "reset_seconds": secs}]
    said_by(desk, type="rate_limits.updated", rate_limits=limits)
    said_by(desk, type="session.updated", session={"expires_at": secs})
    said_by(desk, type="session.created", session={"expires_at": secs})
    assert not any(isinstance(event, Expires) for event in desk.events)
    desk.commit(1)
    desk.wait(1)
    assert desk.heard(1) == ms(100)


@pytest.mark.parametrize("item", [{"item_id": "i"}, {}])
def test_words_that_come_only_at_the_end_are_the_transcript(item):
    desk = asked()
    whose = {"response_id": desk.server.active["id"], "content_index": 0} | item
    said_by(desk, type="response.output_audio.delta", **audio(desk, **item))
    said_by(desk, type="response.output_audio_transcript.done", transcript="Hello.", **whose)
    desk.deliver(desk.server.finish())
    assert desk.said() == [("agent", "Hello.", 1)]


def test_words_that_came_in_pieces_are_not_said_twice():
    desk = asked(Answer(ms(100), "one two"))
    assert desk.said() == [("agent", "one two", 1)]


def test_messages_of_its_own_are_counted_and_ignored():
    desk = asked()
    for kind in ("localai.classifier.result", "conversation.item.speaker", "response.speak"):
        said_by(desk, type=kind, item_id=5, response="odd")
    said_by(desk, type="conversation.item.created", item={"id": "i", "type": "message"})
    assert desk.core.dropped["unknown_type"] == 2
    desk.deliver(desk.server.finish())
    assert desk.done() == [1]


def test_what_came_for_nobody_is_counted():
    desk = asked()
    response_id = desk.server.active["id"]
    desk.cancel(1, 0)
    late = {"response_id": response_id, "delta": base64.b64encode(ms(20)).decode()}
    said_by(desk, type="response.output_audio.delta", **late)
    assert desk.heard(1) == b""
    assert desk.core.dropped["late_audio"] == 1


@pytest.mark.parametrize(
    "error",
    [
        "no such voice",
        {"code": 400, "message": "no such voice"},
        {"type": "x", "code": None, "message": "no such voice", "event_id": 7},
    ],
)
def test_an_error_is_told_in_whatever_shape_it_comes(error):
    desk = asked()
    said_by(desk, type="error", error=error)
    (notice,) = [e for e in desk.events if isinstance(e, Noticed)]
    assert "no such voice" in notice.message


def test_limits_that_cannot_be_read_are_no_reason_to_leave():
    desk = asked()
    before = len(desk.events)
    for limits in (None, {}, [{"name": 3, "remaining": 1}, 4]):
        said_by(desk, type="rate_limits.updated", rate_limits=limits)
    assert len(desk.events) == before


def test_arguments_that_are_an_object_already_are_taken():
    desk = asked()
    called = {"response_id": desk.server.active["id"], "call_id": "c", "name": "f"}
    said_by(desk, type="response.function_call_arguments.done", arguments={"a": 1}, **called)
    assert json.loads(desk.events[-1].arguments) == {"a": 1}


def test_a_server_of_before_ga_that_keeps_detecting_turns_is_refused():
    """It takes `session.update` and overlooks what is in it."""
    desk = Desk()
    desk.core.connected(0.0)
    session = {"modalities": ["audio"], "turn_detection": {"type": "server_vad"}}
    (event,) = desk.core.receive({"type": "session.updated", "session": session}, 0.0)
    assert isinstance(event, Failed)
    assert event.code == "backend_turns"


def test_usage_that_no_counter_holds_is_left_out():
    desk = asked()
    usage = {"input_tokens": -1, "output_tokens": 10**12, "total_tokens": 5}
    response = {"id": desk.server.active["id"], "status": "completed", "usage": usage}
    said_by(desk, type="response.done", response=response)
    assert [e for e in desk.events if isinstance(e, Used)] == [Used(1, 0, 0, {"total_tokens": 5})]


def test_a_character_in_two_halves_is_whole_and_half_a_one_breaks_nothing(caplog):
    """A server that cuts its words between the halves of an emoji, as JavaScript counts them."""

    async def story():
        async with web_server(Answer(hold=True)) as server, line_to(server) as (where, line):
            phone = await answered(line, where)
            asking = asyncio.create_task(turn(phone, 1))
            async with asyncio.timeout(10):
                while not (server.sessions and server.sessions[0].active):
                    await asyncio.sleep(0.01)
            session, socket = server.sessions[0], server.sockets[0]
            whose = {"response_id": session.active["id"], "item_id": "i", "content_index": 0}
            halves = ["Bye \ud83d", "\ude00 and \ud83d"]
            words = "response.output_audio_transcript.delta"
            for half in halves:
                await socket.send_str(json.dumps({"type": words, "delta": half, **whose}))
            error = {"type": "error", "error": {"code": "x", "message": "\ud83d"}}
            await socket.send_str(json.dumps(error))
            response = {"id": session.active["id"], "usage": {"input_tokens": 10**12}}
            await socket.send_str(json.dumps({"type": "response.done", "response": response}))
            await asking
            assert of(phone, Transcript)[0].text == "Bye \U0001f600 and \ufffd"
            assert of(phone, PhoneNoticed)[0].message == "x: \ufffd"
            assert of(phone, UsageReported) == []

    simulate(story())
    caplog.text.encode()


@pytest.mark.parametrize("character", ["\u8a9e", "\x01", "\U0001f600"])
def test_words_that_a_message_has_no_room_for_are_cut(character):
    async def story():
        long = character * 9000
        said = Answer(ms(100), long, [("book", json.dumps({"for": long}, ensure_ascii=False))])
        async with (
            web_server(said, Answer(ms(100))) as server,
            line_to(server) as (where, line),
        ):
            phone = await answered(line, where)
            await turn(phone, 1)
            await turn(phone, 2)
            (told,) = [e for e in of(phone, Transcript) if e.role == "agent" and e.text]
            assert 2000 < len(told.text) < 8000 and set(told.text) == {character}
            assert len(of(phone, ToolCalled)) == 1

    simulate(story())


def test_what_was_dropped_of_a_call_that_is_over_is_in_the_figures():
    async def story():
        async with web_server(Answer(ms(100))) as server, line_to(server) as (where, line):
            phone = await answered(line, where)
            await turn(phone, 1)
            await server.sockets[0].send_str('{"type": "x.y"}')
            await turn(phone, 2)
            phone.call.close("over")
            stats = where.gateway.agents["model"].servers.stats
            async with asyncio.timeout(10):
                while not stats.dropped:
                    await asyncio.sleep(0.01)
            exposition = GatewayMetrics(where.gateway).exposition().decode()
            what = 'agent="model",code="unknown_type"'
            assert f"sip_gateway_backend_dropped_total{{{what}}} 1.0" in exposition

    simulate(story())
