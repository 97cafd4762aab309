"""Packets leave every 20 ms; a spurt's first one leaves at once, and none ahead of its time."""

from hypothesis import given
from hypothesis import strategies as st

from sip_plugin.media.clock import PHASES_PER_FRAME
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
    left = [n for n, _ in departures(phase=2, ready=set(), phases=40)]
    assert left == [2, 10, 18, 26, 34]


def test_the_first_frame_of_a_spurt_leaves_in_the_next_phase_and_the_spurt_keeps_it():
    left = departures(phase=0, ready=set(range(10, 28)), phases=56)
    assert left == [
        (0, False),
        (8, False),
        (10, True),
        (18, True),
        (26, True),
        (34, False),
        (48, False),
    ]


def test_a_spurt_begins_at_most_15_ms_before_its_slot():
    left = departures(phase=0, ready=set(range(9, 20)), phases=20)
    assert left == [(0, False), (8, False), (10, True), (18, True)]


def test_slots_that_a_stall_swallowed_are_skipped_not_made_up_for():
    schedule = SendSchedule(0)
    assert schedule.due(0, False)
    schedule.sent(0, talking=False)
    assert schedule.missed(201) == 24
    assert schedule.due(201, False)
    schedule.sent(201, talking=False)
    assert not schedule.due(202, False)
    assert schedule.due(208, False)


@given(
    phase=st.integers(0, PHASES_PER_FRAME - 1),
    spurts=st.lists(st.tuples(st.booleans(), st.integers(1, 80))),
)
def test_whatever_the_agent_does_the_stream_stays_within_a_frame_of_real_time(phase, spurts):
    ready, n = set(), 0
    for talking, length in spurts:
        ready |= set(range(n, n + length)) if talking else set()
        n += length
    left = departures(phase, ready, n + 2 * PHASES_PER_FRAME)
    for count, (at, _) in enumerate(left):
        assert abs(count * PHASES_PER_FRAME + phase - at) <= PHASES_PER_FRAME
