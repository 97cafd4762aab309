"""Packets leave every 20 ms; a spurt's first one leaves at once, and nothing runs ahead of time."""

from hypothesis import given
from hypothesis import strategies as st

from sip_plugin.media.pacing import SendSchedule


def departures(phase: int, ready: set[int], phases: int) -> list[tuple[int, bool]]:
    """Run a schedule over `phases`; `ready`: phases in which the agent has a frame waiting."""
    schedule = SendSchedule(phase)
    left = []
    for n in range(phases):
        talking = n in ready
        if schedule.due(n, talking):
            left.append((n, talking))
            schedule.sent(n, talking)
    return left


def test_silence_keeps_the_calls_own_phase():
    assert [n for n, _ in departures(phase=2, ready=set(), phases=20)] == [2, 6, 10, 14, 18]


def test_the_first_frame_of_a_spurt_leaves_in_the_next_phase_and_the_spurt_keeps_it():
    left = departures(phase=0, ready=set(range(5, 14)), phases=28)
    assert left == [
        (0, False),
        (4, False),
        (5, True),
        (9, True),
        (13, True),
        (17, False),
        (24, False),
    ]


def test_slots_that_a_stall_swallowed_are_skipped_not_made_up_for():
    schedule = SendSchedule(0)
    assert schedule.due(0, False)
    schedule.sent(0, talking=False)
    assert schedule.missed(101) == 24
    assert schedule.due(101, False)
    schedule.sent(101, talking=False)
    assert not schedule.due(102, False)
    assert schedule.due(104, False)


@given(phase=st.integers(0, 3), spurts=st.lists(st.tuples(st.booleans(), st.integers(1, 40))))
def test_whatever_the_agent_does_the_stream_stays_within_a_frame_of_real_time(phase, spurts):
    ready, n = set(), 0
    for talking, length in spurts:
        ready |= set(range(n, n + length)) if talking else set()
        n += length
    left = departures(phase, ready, n + 8)
    for count, (at, _) in enumerate(left):
        assert abs(count * 4 + phase - at) <= 4
