from bridge.gateway.events import Answered, Ended, NoInput
from bridge.wire import messages
from bridge.wire.errors import ErrorCode
from tests.gateway.calls import Desk


def test_it_may_reply_to_a_turn_in_which_nothing_was_said():
    desk = Desk()
    desk.plugin_says(messages.Answered(), messages.NoInput(turn=1))
    assert desk.events == [Answered(), NoInput(1)]
    assert desk.session.speak(1, bytes(960))
    assert [frame.turn for frame in desk.spoken()] == [1]


def test_what_it_was_saying_before_is_thrown_away():
    desk = Desk()
    desk.plugin_says(messages.Answered())
    desk.session.speak(0, bytes(960))
    desk.plugin_says(messages.NoInput(turn=1))
    assert desk.spoken() == []
    assert not desk.session.may_speak(0)


def test_its_number_is_used_once():
    desk = Desk()
    desk.plugin_says(messages.NoInput(turn=1), messages.Commit(turn=1, last_seq=-1))
    ended = desk.events[-1]
    assert isinstance(ended, Ended) and ended.code == ErrorCode.PROTOCOL_VIOLATION


def test_the_callers_next_turn_has_the_next_number():
    desk = Desk()
    desk.plugin_says(messages.NoInput(turn=1), messages.Commit(turn=2, last_seq=-1))
    assert desk.session.may_speak(2) and not desk.session.may_speak(1)
