import pytest

from bridge.backends.interface import Noticed, Ready, Used
from tests.backends.desk import Answer, Desk, info, ms


def test_a_turn_is_appended_committed_and_only_then_asked_about():
    desk = Desk(Answer(ms(300), "Hello there."), instructions="Be kind.", voice="marin")
    assert desk.events == [Ready()]
    desk.prime(1)
    desk.speak(1000)
    desk.commit(1)
    assert desk.server.kinds() == [
        "session.update",
        "input_audio_buffer.commit",
        "response.create",
    ]
    assert len(desk.server.turns[0]) == 48_000
    assert desk.heard(1) == ms(300)
    assert desk.said() == [("agent", "Hello there.", 1)]
    assert desk.done() == [1]
    (used,) = [e for e in desk.events if isinstance(e, Used)]
    assert (used.turn, used.input_tokens, used.output_tokens) == (1, 10, 20)
    assert used.details["input_token_details.audio_tokens"] == 8
    session = desk.server.session
    assert (session["instructions"], session["audio"]["output"]["voice"]) == ("Be kind.", "marin")


def test_what_was_said_before_the_turn_was_known_to_be_one_is_part_of_it():
    desk = Desk(preroll_ms=500)
    desk.speak(2000, byte=1)
    desk.speak(400, byte=2)
    desk.prime(1)
    desk.speak(200, byte=3)
    desk.commit(1)
    (turn,) = desk.server.turns
    assert (turn.count(1), turn.count(2), turn.count(3)) == (48 * 100, 48 * 400, 48 * 200)


def test_a_backchannel_never_reaches_the_server():
    desk = Desk()
    desk.speak(5000)
    assert desk.server.buffer == b""


def test_a_turn_that_came_to_nothing_is_cleared():
    desk = Desk(preroll_ms=0)
    desk.prime(1)
    desk.speak(500, byte=1)
    desk.prime(1)
    desk.speak(500, byte=2)
    desk.commit(1)
    assert "input_audio_buffer.clear" in desk.server.kinds()
    assert set(desk.server.turns[0]) == {2}


def test_the_shortest_turn_is_filled_up_with_silence():
    desk = Desk(preroll_ms=0)
    desk.prime(1)
    desk.speak(60)
    desk.commit(1)
    assert len(desk.server.turns[0]) == 4800
    assert desk.done() == [1]


@pytest.mark.parametrize(("audio", "name"), [("pcmu", "audio/pcmu"), ("pcma", "audio/pcma")])
def test_g711_can_be_spoken_to_the_server(audio, name):
    desk = Desk(Answer(b"\x55" * 8000), audio=audio)
    desk.prime(1)
    desk.speak(1000)
    desk.commit(1)
    assert len(desk.server.turns[0]) == 8000
    assert desk.server.session["audio"]["input"]["format"] == {"type": name}
    assert desk.heard(1) == b"\x55" * 8000


def test_a_narrow_call_takes_g711_by_itself():
    desk = Desk(call=info(input_rate_hz=8000, output_rate_hz=8000))
    assert desk.server.session["audio"]["output"]["format"] == {"type": "audio/pcmu"}


def test_the_caller_is_transcribed_if_a_model_is_named_for_it():
    desk = Desk(transcription_model="gpt-4o-mini-transcribe", transcription_language="de")
    desk.prime(1)
    desk.speak(500)
    desk.commit(1)
    assert ("caller", "turn 1", 1) in desk.said()


def test_a_greeting_is_said_when_the_phone_is_answered():
    desk = Desk(Answer(ms(100), "Hi."), call=info(greeting="Hi."), instructions="Be kind.")
    assert desk.server.of("response.create") == []
    desk.took(desk.core.answered(desk.now))
    (asked,) = desk.server.of("response.create")
    assert asked["response"]["instructions"].startswith("Be kind.")
    assert asked["response"]["instructions"].endswith("Say exactly this: Hi.")
    assert desk.heard(0) == ms(100)
    assert desk.done() == [0]


def test_silence_of_the_caller_is_answered_only_if_it_is_configured():
    desk = Desk(Answer(ms(100)), no_input_instructions="Ask whether the caller is there.")
    desk.took(desk.core.no_input(1, desk.now))
    assert desk.heard(1) == ms(100)
    silent = Desk()
    silent.took(silent.core.no_input(1, silent.now))
    assert silent.done() == [1]
    assert silent.server.of("response.create") == []


def test_a_key_is_told_to_the_model():
    desk = Desk()
    desk.core.digit("5")
    desk.took(None)
    (created,) = desk.server.of("conversation.item.create")
    assert "5" in created["item"]["content"][0]["text"]


def test_a_response_that_failed_is_asked_for_once_more():
    desk = Desk(Answer(status="failed", error="server_error"), Answer(ms(100)))
    desk.prime(1)
    desk.speak(500)
    desk.commit(1)
    assert desk.done() == []
    desk.wait(1)
    assert desk.heard(1) == ms(100)
    assert [e.code for e in desk.events if isinstance(e, Noticed)] == ["backend_response_failed"]


def test_a_response_that_fails_twice_leaves_the_call_alive():
    failing = [Answer(status="failed", error="server_error") for _ in range(2)]
    desk = Desk(*failing, Answer(ms(100)))
    for turn in (1, 2):
        desk.prime(turn)
        desk.speak(500)
        desk.commit(turn)
        desk.wait(1)
    assert desk.done() == [1, 2]
    assert desk.heard(2) == ms(100)


def test_a_reply_without_end_is_cut():
    desk = Desk(Answer(ms(3000), hold=True), max_reply_secs=2)
    desk.prime(1)
    desk.speak(500)
    desk.commit(1)
    assert desk.done() == [1]
    assert "response.cancel" in desk.server.kinds()
    assert len(desk.heard(1)) <= 48 * 2200
