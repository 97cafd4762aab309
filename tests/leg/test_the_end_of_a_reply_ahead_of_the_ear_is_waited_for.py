"""A model says three seconds at once; the end overtakes the last frames, which a busy machine or a
slow path brings late."""

from bridge.leg.interface import ReplyAudio, ReplyEnd
from bridge.wire import messages
from bridge.wire.limits import EAR_LEAD, LATE_AUDIO_WAIT, MAX_AHEAD_WAIT
from tests.leg.calls import Leg

FRAMES = 150


def a_reply_without(*missing: int) -> Leg:
    leg = Leg()
    leg.core.commit(1, 50)
    for seq in range(FRAMES):
        if seq not in missing:
            leg.audio(1, seq)
    leg.gateway_says(messages.ReplyEnd(turn=1, frames=FRAMES))
    return leg


def heard(leg: Leg) -> list[int]:
    return [event.seq for event in leg.events if isinstance(event, ReplyAudio)]


def ended(leg: Leg) -> bool:
    return ReplyEnd(1, FRAMES) in leg.events


def test_its_last_frames_may_come_a_second_and_a_half_later():
    leg = a_reply_without(*range(118, 150))
    leg.wait(1.5)
    assert not ended(leg)
    for seq in range(118, 150):
        leg.audio(1, seq)
    assert heard(leg) == list(range(FRAMES)) and ended(leg)
    assert leg.core.stats.downlink.lost == 0


def test_when_they_never_come_the_reply_ends_two_seconds_later():
    leg = a_reply_without(*range(118, 150))
    leg.wait(MAX_AHEAD_WAIT - 0.001)
    assert not ended(leg)
    leg.wait(0.002)
    assert ended(leg) and leg.core.stats.downlink.lost == 32


def test_nor_is_an_end_waited_for_that_the_ear_has_reached():
    leg = Leg()
    leg.core.commit(1, 50)
    for seq in range(24):
        leg.audio(1, seq)
    leg.gateway_says(messages.ReplyEnd(turn=1, frames=25))
    leg.wait(24 * 0.02 - EAR_LEAD - 0.001)
    assert ReplyEnd(1, 25) not in leg.events
    leg.wait(0.002)
    assert leg.events[-1] == ReplyEnd(1, 25)
    assert 24 * 0.02 - EAR_LEAD > LATE_AUDIO_WAIT


def test_an_end_that_lies_about_its_frames_is_waited_for_no_longer():
    leg = Leg()
    leg.core.commit(1, 50)
    leg.audio(1, 0)
    leg.gateway_says(messages.ReplyEnd(turn=1, frames=2**32 - 1))
    leg.wait(MAX_AHEAD_WAIT + 0.001)
    assert leg.events[-1] == ReplyEnd(1, 2**32 - 1)


def test_a_new_turn_does_not_wait_for_any_of_it():
    leg = a_reply_without(100)
    leg.core.commit(2, 90)
    assert leg.core.deadline is None
