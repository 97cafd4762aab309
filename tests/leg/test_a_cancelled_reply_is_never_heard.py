from bridge.leg.interface import ReplyAudio, ReplyEnd
from bridge.wire import messages
from tests.leg.calls import Leg


def heard(leg):
    return [(e.turn, e.seq) for e in leg.events if isinstance(e, ReplyAudio)]


def test_audio_of_a_cancelled_turn_that_is_still_on_its_way_is_dropped():
    leg = Leg()
    leg.core.commit(1, 50)
    leg.audio(1, 0)
    leg.core.cancel(1, heard_ms=20)
    leg.audio(1, 1)
    leg.gateway_says(messages.ReplyEnd(turn=1, frames=2))
    assert leg.events == [ReplyAudio(1, 0, 0, b"\1\0")]
    assert leg.core.stats.fenced == 1
    leg.core.commit(2, 150)
    leg.audio(1, 2)
    leg.audio(2, 0)
    assert heard(leg) == [(1, 0), (2, 0)]


def test_a_frame_held_back_for_a_gap_is_not_heard_after_the_cancel():
    leg = Leg()
    leg.core.commit(1, 50)
    leg.audio(1, 1)
    leg.core.cancel(1, heard_ms=0)
    leg.wait(1)
    assert leg.events == []


def test_a_greeting_is_turn_0_and_can_be_cancelled():
    leg = Leg()
    leg.core.answered()
    leg.audio(0, 0)
    leg.core.cancel(0, heard_ms=20)
    leg.audio(0, 1)
    assert heard(leg) == [(0, 0)]


def test_a_new_commit_ends_the_reply_before_it():
    leg = Leg()
    leg.core.commit(1, 50)
    leg.audio(1, 0)
    leg.core.commit(2, 150)
    leg.audio(1, 1)
    leg.audio(2, 0)
    assert heard(leg) == [(1, 0), (2, 0)]


def test_audio_for_a_turn_that_was_not_committed_is_dropped():
    leg = Leg()
    leg.core.prime(1)
    leg.audio(1, 0)
    leg.audio(7, 0)
    assert leg.events == []
    assert leg.core.stats.uncommitted == 2


def test_nothing_follows_the_end_of_a_reply():
    leg = Leg()
    leg.core.commit(1, 50)
    leg.audio(1, 0)
    leg.gateway_says(messages.ReplyEnd(turn=1, frames=1))
    leg.audio(1, 1)
    assert leg.events[1:] == [ReplyEnd(1, 1)]
