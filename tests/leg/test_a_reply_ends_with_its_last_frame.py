import pytest

from bridge.leg.interface import LegFailed, ReplyAudio, ReplyEnd
from bridge.leg.replies import Replies
from bridge.leg.stats import LegStats
from bridge.wire import messages
from bridge.wire.audio import DownlinkFrame
from bridge.wire.limits import LATE_AUDIO_WAIT, MAX_AHEAD_WAIT
from tests.leg.calls import Leg


def sequence(leg):
    return [e.seq if isinstance(e, ReplyAudio) else e for e in leg.events]


def test_an_end_that_overtakes_the_last_frames_waits_for_them():
    leg = Leg()
    leg.core.commit(1, 50)
    leg.audio(1, 0)
    leg.gateway_says(messages.ReplyEnd(turn=1, frames=3))
    leg.wait(0.15)
    leg.audio(1, 1)
    leg.wait(0.15)
    leg.audio(1, 2)
    assert sequence(leg) == [0, 1, 2, ReplyEnd(1, 3)]


def test_a_last_frame_that_is_lost_delays_the_end_but_does_not_prevent_it():
    leg = Leg()
    leg.core.commit(1, 50)
    leg.audio(1, 0)
    leg.gateway_says(messages.ReplyEnd(turn=1, frames=2))
    leg.wait(LATE_AUDIO_WAIT - 0.001)
    assert sequence(leg) == [0]
    leg.wait(0.001)
    assert sequence(leg) == [0, ReplyEnd(1, 2)]
    assert leg.core.stats.downlink.lost == 1


@pytest.mark.parametrize(("by_stream", "wait"), [(False, LATE_AUDIO_WAIT), (True, MAX_AHEAD_WAIT)])
def test_on_streams_the_last_frames_will_come_and_are_waited_for_longer(by_stream, wait):
    replies = Replies(LegStats(), 0.02, by_stream=by_stream)
    replies.ask(1)
    replies.receive_audio(DownlinkFrame(1, 0, 0, b"voice"), 0.0)
    replies.receive_end(1, 2, 0.0)
    assert replies.deadline == wait
    assert replies.expire(wait - 0.001) == []
    assert replies.expire(wait) == [ReplyEnd(1, 2)]


def test_a_lost_frame_inside_shows_as_a_gap():
    leg = Leg()
    leg.core.commit(1, 50)
    for seq in (0, 1, 3, 4):
        leg.audio(1, seq)
    leg.wait(0.15)
    assert sequence(leg) == [0, 1, 3, 4]
    assert leg.core.stats.downlink.lost == 1


def test_frames_beyond_the_end_that_came_before_it_are_not_heard():
    leg = Leg()
    leg.core.commit(1, 50)
    for seq in (0, 2, 3, 4):
        leg.audio(1, seq)
    leg.gateway_says(messages.ReplyEnd(turn=1, frames=3))
    leg.audio(1, 1)
    assert sequence(leg) == [0, 1, 2, ReplyEnd(1, 3)]
    assert leg.core.stats.fenced == 2


def test_a_reply_of_nothing_is_a_reply():
    leg = Leg()
    leg.core.commit(1, 50)
    leg.gateway_says(messages.ReplyEnd(turn=1, frames=0))
    assert leg.events == [ReplyEnd(1, 0)]


def test_an_end_that_contradicts_what_was_heard_fails_the_call():
    leg = Leg()
    leg.core.commit(1, 50)
    leg.audio(1, 0)
    leg.audio(1, 1)
    leg.gateway_says(messages.ReplyEnd(turn=1, frames=1))
    assert isinstance(leg.events[-1], LegFailed)
    assert leg.events[-1].code == "protocol_violation"


def test_frames_beyond_the_end_are_dropped():
    leg = Leg()
    leg.core.commit(1, 50)
    leg.gateway_says(messages.ReplyEnd(turn=1, frames=2))
    for seq in (0, 5, 1):
        leg.audio(1, seq)
    assert sequence(leg) == [0, 1, ReplyEnd(1, 2)]
