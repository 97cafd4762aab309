"""A function may book a table: nothing that goes wrong makes the model call it again."""

import asyncio

from bridge.backends.interface import Noticed, ToolCalled
from bridge.leg.interface import DtmfAsked, HangupAsked
from tests.backends.calls import answered, line_to, of, turn
from tests.backends.desk import Answer, Desk, ms
from tests.backends.web import web_server
from tests.leg.network import speech
from tests.leg.virtual import simulate

BOOK = ("book", '{"table": 4}')


def calling(*answers: Answer) -> Desk:
    """The model has called a function for turn 1."""
    desk = Desk(*answers, transcription_model="whisper-1")
    desk.prime(1)
    desk.speak(500)
    desk.commit(1)
    return desk


def called(desk: Desk) -> list[ToolCalled]:
    return [event for event in desk.events if isinstance(event, ToolCalled)]


def result(desk: Desk, index: int = 0, reply: bool = True) -> None:
    call_id = called(desk)[index].call_id
    desk.took(desk.core.tool_done(call_id, '{"ok": true}', reply, desk.now))


def told(desk: Desk) -> list[str]:
    return [m["item"]["type"] for m in desk.server.of("conversation.item.create")]


def test_a_response_that_failed_after_its_call_is_not_asked_for_again():
    desk = calling(Answer(calls=[BOOK], status="failed", error="server_error"), Answer(ms(100)))
    desk.wait(10)
    assert desk.server.kinds().count("response.create") == 1
    result(desk)
    assert len(called(desk)) == 1
    assert desk.heard(1) == ms(100)
    assert desk.done() == [1]


def test_a_response_that_failed_after_a_call_without_words_to_follow_is_over():
    desk = calling(Answer(calls=[("hangup", "{}")], status="failed", error="server_error"))
    desk.wait(10)
    result(desk, reply=False)
    assert len(called(desk)) == 1
    assert desk.done() == [1]


def test_a_lost_connection_is_told_of_the_call_and_of_its_result():
    desk = calling(Answer(calls=[BOOK]), Answer(hold=True))
    result(desk)
    desk.connect(Answer(ms(100), "It is booked."))
    assert desk.server.turns, "the turn is told again"
    assert told(desk) == ["function_call", "function_call_output"]
    assert desk.server.kinds()[-1] == "response.create"
    assert len(called(desk)) == 1
    assert (desk.heard(1), desk.done()) == (ms(100), [1])


def test_a_connection_lost_while_the_function_runs_waits_for_its_result():
    desk = calling(Answer(calls=[BOOK], hold=True))
    desk.connect(Answer(ms(100), "It is booked."))
    assert told(desk) == ["function_call"]
    assert "response.create" not in desk.server.kinds()
    desk.wait(60)
    result(desk)
    assert told(desk) == ["function_call", "function_call_output"]
    assert (desk.heard(1), desk.done()) == (ms(100), [1])


def test_a_result_that_comes_between_two_connections_is_told_to_the_second():
    desk = calling(Answer(calls=[BOOK], hold=True))
    desk.took(desk.core.connected(desk.now))
    result(desk)
    desk.connect(Answer(ms(100)))
    assert told(desk) == ["function_call", "function_call_output"]
    assert desk.heard(1) == ms(100)


def test_a_reply_that_was_cut_by_a_lost_connection_leaves_its_call_to_the_next():
    desk = calling(Answer(ms(100), "One moment.", calls=[BOOK], hold=True))
    desk.connect(Answer(ms(100), "It is booked."))
    assert desk.done() == [1]
    assert told(desk)[-1] == "function_call"
    result(desk)
    assert told(desk)[-1] == "function_call_output"
    desk.commit(2)
    assert desk.heard(2) == ms(100)


def test_a_turn_that_was_taken_back_is_told_again_with_what_was_called_for_it():
    desk = calling(Answer(calls=[BOOK]), Answer(hold=True))
    result(desk)
    desk.cancel(1, 0)
    desk.connect(Answer(ms(100), "It is booked."))
    desk.commit(2)
    assert told(desk) == ["function_call", "function_call_output"]
    assert desk.heard(2) == ms(100)
    desk.connect()
    assert "function_call" not in told(desk), "it was spoken about"


def test_what_was_called_for_one_turn_is_not_told_with_the_next():
    desk = calling(Answer(ms(100), calls=[BOOK], hold=True))
    desk.cancel(1, 50)
    desk.commit(2)
    result(desk)
    desk.connect(Answer(ms(100)))
    assert "function_call_output" not in told(desk)


def test_a_model_that_does_nothing_but_call_is_stopped():
    desk = calling(*[Answer(calls=[BOOK])] * 30)
    for index in range(30):
        if len(called(desk)) > index:
            result(desk, index)
    assert len(called(desk)) == 9
    assert desk.done() == [1]
    assert [e.code for e in desk.events if isinstance(e, Noticed)] == ["backend_error"]


def test_what_was_asked_for_in_one_reply_is_not_done_after_the_next():
    """The caller goes on before the reply was heard, so that nothing is cancelled: a hangup that
    belonged to it is forgotten."""

    async def story():
        answers = [Answer(calls=[("hangup", "{}")], hold=True), Answer(ms(200), "Yes?")]
        async with (
            web_server(*answers) as server,
            line_to(server, tools=("hangup",)) as (where, line),
        ):
            phone = await answered(line, where)
            phone.call.prime(1)
            phone.call.commit(1, phone.say(speech(0.5)))
            async with asyncio.timeout(10):
                while not (server.sessions and server.sessions[0].of("conversation.item.create")):
                    await asyncio.sleep(0.01)
            assert len(await turn(phone, 2)) == 24 * 200
            phone.call.playout(2, 200)
            line.flush()
            await asyncio.sleep(0.3)
            assert of(phone, HangupAsked) == []

    simulate(story())


def test_keys_are_pressed_once_though_the_connection_breaks():
    async def story():
        answers = [Answer(calls=[("send_dtmf", '{"digits": "12#"}')]), Answer(hold=True)]
        async with (
            web_server(*answers, Answer(ms(100))) as server,
            line_to(server, tools=("send_dtmf",)) as (where, line),
        ):
            phone = await answered(line, where)
            phone.call.prime(1)
            phone.call.commit(1, phone.say(speech(0.5)))
            async with asyncio.timeout(10):
                while not (server.sessions and len(server.sessions[0].of("response.create")) == 2):
                    await asyncio.sleep(0.01)
            await server.sockets[0].close(code=1011)
            assert len(await phone.reply_to(1)) == 24 * 100
            assert of(phone, DtmfAsked) == [DtmfAsked("12#")]

    simulate(story())
