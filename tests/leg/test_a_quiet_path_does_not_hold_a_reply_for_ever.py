"""A reply whose end was lost, on a connection with nothing but pings: the phone is on hold."""

import math

import pytest

from bridge.leg.interface import ReplyEnd
from bridge.leg.replies import Replies
from bridge.leg.stats import LegStats
from bridge.wire import audio
from bridge.wire.connection import QUIET_SECS
from bridge.wire.limits import LATE_AUDIO_WAIT, PING_INTERVAL

BROKEN_SECS = 2.0


def ended_at(heard) -> float:
    """When the reply of which the last came at 0.0 is over; `heard(now)`: when the last packet had
    come then."""
    replies = Replies(LegStats(), 0.02)
    replies.ask(1)
    replies.receive_audio(audio.DownlinkFrame(1, 0, 0, b"\0\0"), 0.0)
    assert replies.receive_end(1, 2, 0.0) == []
    while (now := replies.deadline) is not None and now < 60.0:
        if now - heard(now) > QUIET_SECS:
            replies.postpone(now, heard(now))
        events = replies.expire(now)
        if events:
            assert events == [ReplyEnd(turn=1, frames=2)]
            return now
    return math.inf


@pytest.mark.parametrize("phase", [i / 20 * PING_INTERVAL for i in range(20)])
def test_it_is_given_up_once_the_path_is_known_to_work(phase):
    def heard(now: float) -> float:
        return math.floor((now - phase) / PING_INTERVAL) * PING_INTERVAL + phase

    assert ended_at(heard) <= 2 * PING_INTERVAL + LATE_AUDIO_WAIT


def test_it_is_waited_for_as_long_as_nothing_comes_at_all():
    def heard(now: float) -> float:
        return -0.01 if now < BROKEN_SECS else now

    assert BROKEN_SECS <= ended_at(heard) <= BROKEN_SECS + LATE_AUDIO_WAIT
