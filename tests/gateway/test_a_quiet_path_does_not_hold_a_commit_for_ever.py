"""A commit whose audio was lost, on a connection with nothing but pings: the call is on hold."""

import math

import pytest

from bridge.gateway.arrivals import Arrivals
from bridge.gateway.events import Committed
from bridge.gateway.stats import SessionStats
from bridge.wire import messages
from bridge.wire.connection import QUIET_SECS
from bridge.wire.limits import LATE_AUDIO_WAIT, PING_INTERVAL

BROKEN_SECS = 2.0


def committed_at(heard) -> float:
    """When the agent has the commit of 0.0; `heard(now)`: when the last packet had come then."""
    arrivals = Arrivals(SessionStats())
    arrivals.accept(0.0)
    assert arrivals.receive(messages.Commit(turn=1, last_seq=10), 0.0) == []
    while (now := arrivals.deadline) is not None and now < 60.0:
        if now - heard(now) > QUIET_SECS:
            arrivals.postpone(now, heard(now))
        events = arrivals.expire(now)
        if events:
            assert [type(event) for event in events] == [Committed]
            return now
    return math.inf


@pytest.mark.parametrize("phase", [i / 20 * PING_INTERVAL for i in range(20)])
def test_it_is_given_up_once_the_path_is_known_to_work(phase):
    def heard(now: float) -> float:
        return math.floor((now - phase) / PING_INTERVAL) * PING_INTERVAL + phase

    assert committed_at(heard) <= 2 * PING_INTERVAL + LATE_AUDIO_WAIT


def test_it_is_waited_for_as_long_as_nothing_comes_at_all():
    def heard(now: float) -> float:
        return -0.01 if now < BROKEN_SECS else now

    assert BROKEN_SECS <= committed_at(heard) <= BROKEN_SECS + LATE_AUDIO_WAIT
