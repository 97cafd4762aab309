"""In which phases a worker of many calls listens, when its clock is on time and when it is late."""

from types import SimpleNamespace

import pytest

from sip_plugin.media.tick import FINE_CALLS, Tick


class Call:
    stirred = False
    slot_at = 1 << 62


class Intake:
    def __init__(self) -> None:
        self.heard = 0

    def hear(self, now: float) -> None:
        self.heard += 1

    def judge(self, now: float) -> None:
        pass


@pytest.mark.parametrize(
    ("phases", "behind", "heard"),
    [
        (range(1, 9), (), [2, 4, 6, 8]),
        # Each run of the clock makes up for one phase, and ends in an odd one.
        (range(2, 10), (2, 4, 6, 8), [3, 5, 7, 9]),
        (range(3, 11), (4, 5), [3, 6, 8, 10]),
    ],
    ids=["on time", "always late", "late once"],
)
def test_no_run_of_the_clock_leaves_the_callers_unheard(phases, behind, heard):
    tick = Tick("tested", lambda: 0.0, lambda: None, lambda: None, 60.0)
    tick._intake = intake = Intake()
    tick._calls = dict.fromkeys(Call() for _ in range(FINE_CALLS + 1))
    listened = []
    for n in phases:
        tick._clock = SimpleNamespace(behind=int(n in behind))
        before = intake.heard
        tick._serve(n)
        if intake.heard > before:
            listened.append(n)
    assert listened == heard
