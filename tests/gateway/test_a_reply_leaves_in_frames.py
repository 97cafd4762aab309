from bridge.gateway.events import Answered
from bridge.wire import messages
from tests.gateway.calls import Desk

FRAME = 960


def committed(turn=1):
    desk = Desk()
    desk.plugin_says(messages.Answered(), messages.Commit(turn=turn, last_seq=-1))
    return desk


def test_any_length_of_audio_becomes_20_ms_frames_and_a_shorter_last_one():
    desk = committed()
    assert desk.session.speak(1, bytes(FRAME + 100))
    assert desk.session.speak(1, bytes(FRAME))
    assert [(f.turn, f.seq, f.timestamp, len(f.payload)) for f in desk.spoken()] == [
        (1, 0, 0, FRAME),
        (1, 1, 480, FRAME),
    ]
    assert desk.said() == []
    desk.session.end_reply(1)
    assert [(f.seq, f.timestamp, len(f.payload)) for f in desk.spoken()] == [(2, 960, 100)]
    assert desk.said() == [messages.ReplyEnd(turn=1, frames=3)]


def test_the_end_is_said_after_the_last_frame_has_left():
    desk = committed()
    desk.session.speak(1, bytes(2 * FRAME))
    desk.session.end_reply(1)
    assert desk.said() == []
    desk.spoken()
    assert desk.said() == [messages.ReplyEnd(turn=1, frames=2)]


def test_a_reply_of_nothing_ends_at_once():
    desk = committed()
    desk.session.end_reply(1)
    assert desk.said() == [messages.ReplyEnd(turn=1, frames=0)]


def test_a_cancel_throws_away_what_has_not_left():
    desk = committed()
    desk.session.speak(1, bytes(50 * FRAME))
    desk.plugin_says(messages.Cancel(turn=1, heard_ms=0))
    assert not desk.session.speak(1, bytes(FRAME))
    desk.session.end_reply(1)
    assert (desk.spoken(), desk.said()) == ([], [])
    assert desk.session.stats.fenced == 51


def test_a_greeting_comes_after_the_answer_and_before_the_first_commit():
    desk = Desk()
    assert not desk.session.speak(0, bytes(FRAME))
    desk.plugin_says(messages.Answered())
    assert desk.events == [Answered()]
    assert desk.session.speak(0, bytes(FRAME))
    assert not desk.session.speak(1, bytes(FRAME))
    desk.plugin_says(messages.Commit(turn=1, last_seq=-1))
    assert not desk.session.speak(0, bytes(FRAME))
    assert desk.spoken() == []


def test_nothing_can_be_added_to_a_reply_that_has_ended():
    desk = committed()
    desk.session.speak(1, bytes(FRAME))
    desk.session.end_reply(1)
    assert not desk.session.speak(1, bytes(FRAME))
    assert len(desk.spoken()) == 1
