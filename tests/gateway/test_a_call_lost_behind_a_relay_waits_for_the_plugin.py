from bridge.gateway.events import Ended
from bridge.gateway.session import Session
from bridge.wire import messages
from bridge.wire.limits import PEER_SILENT_AFTER
from tests.gateway.calls import OPEN, Desk

SECS = 10


def taken(*, relayed: bool = True) -> Desk:
    desk = Desk(accepted=False)
    desk.session = Session(desk.now, relayed=relayed)
    desk.plugin_says(OPEN)
    desk.session.accept(desk.now, "the token", SECS)
    desk.said()
    desk.events.clear()
    return desk


def again(received: int) -> messages.Again:
    return messages.Again(
        token="the token", received=received, turn=0, next_frame=0, first_seq=0, committed=0
    )


def test_the_end_of_the_plugins_tracks_is_a_break_when_it_said_no_last_word():
    desk = taken()
    desk.events += desk.session.receive_end(desk.now)
    assert desk.session.lost and desk.events == []
    desk.events += desk.session.resume(again(1), desk.now)
    assert desk.said() == [messages.Resumed(received=1, next_seq=0)]
    assert not desk.session.lost and not desk.session.ended


def test_a_plugin_that_is_not_behind_a_relay_has_ended_the_call():
    desk = taken(relayed=False)
    desk.events += desk.session.receive_end(desk.now)
    assert [type(event) for event in desk.events] == [Ended] and desk.session.ended


def test_one_that_pings_is_behind_a_relay_and_is_missed_when_it_stops():
    desk = taken(relayed=False)
    desk.plugin_says(messages.Ping())
    desk.said()
    desk.wait(PEER_SILENT_AFTER)
    assert desk.session.lost and desk.events == []
    desk.events += desk.session.resume(again(2), desk.now)
    desk.wait(PEER_SILENT_AFTER - 0.1)
    assert not desk.session.lost
    desk.wait(0.2)
    assert desk.session.lost, "after a break it is expected to ping as before"


def test_it_is_kept_for_so_long_and_no_longer():
    desk = taken()
    desk.session.expect_end(desk.now)
    desk.wait(SECS + 2)
    assert [event.code for event in desk.events] == ["connection_lost"]


def speaking(frames: int) -> Desk:
    """A call that has said so many frames of its reply to turn 1."""
    desk = taken()
    desk.plugin_says(messages.Commit(turn=1, last_seq=-1))
    assert desk.session.speak(1, bytes(frames * 960))
    assert len(desk.spoken()) == frames
    return desk


def lost_and_resumed_at(desk: Desk, next_frame: int) -> None:
    assert desk.session.lose(desk.now)
    came = again(1)
    desk.session.resume(came.model_copy(update={"turn": 1, "next_frame": next_frame}), desk.now)


def test_what_a_second_break_swallowed_of_what_is_said_again_comes_in_its_order():
    desk = speaking(100)
    lost_and_resumed_at(desk, 50)
    for _ in range(20):
        desk.session.next_frame(desk.now)
    lost_and_resumed_at(desk, 60)
    assert [frame.seq for frame in desk.spoken()] == list(range(60, 100))


def test_nothing_is_said_again_once_the_call_is_over():
    desk = speaking(250)
    lost_and_resumed_at(desk, 0)
    desk.session.close("done")
    assert not desk.session.replies.backlog_ms, "an agent would wait for that to leave"
    assert desk.spoken() == []


def test_a_plugin_that_claims_to_have_what_was_never_said_is_told_that_its_call_has_failed():
    desk = taken()
    assert desk.session.lose(desk.now)
    desk.events += desk.session.resume(again(7), desk.now)
    assert [event.code for event in desk.events] == ["protocol_violation"]
    assert not desk.session.lost
    assert [message.type for message in desk.said()] == ["error"]
