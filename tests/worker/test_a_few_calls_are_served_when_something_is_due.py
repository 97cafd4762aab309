"""Which phase of the clock a worker of a few calls waits for, and what a flood makes of that."""

import asyncio
import time
from math import ceil
from types import SimpleNamespace

import pytest

from sip_plugin.media.clock import PHASE_SECS, PHASES_PER_FRAME
from sip_plugin.media.tick import FEW_CALLS, MAX_WOKEN, Tick

NEVER = 1 << 62
LATER = float("inf")


class Call:
    def __init__(self, slot_at: int = NEVER, due_at: float = LATER, speaks: bool = False) -> None:
        self.slot_at, self.due_at, self.begins_to_speak = slot_at, due_at, speaks
        self.ended = self.stirred = False


def tick() -> Tick:
    return Tick("tested", lambda: 0.0, lambda: None, lambda: None, 60.0)


@pytest.mark.parametrize(
    ("calls", "phase"),
    [
        ([], 108),
        ([Call(slot_at=105)], 105),
        ([Call(slot_at=106), Call(slot_at=103)], 103),
        ([Call(slot_at=106, due_at=103.2 * PHASE_SECS)], 104),
        ([Call(slot_at=106, due_at=float("-inf"))], 101),
        ([Call(slot_at=90)], 101),
        ([Call(slot_at=106), Call(speaks=True)], 101),
        ([Call()], 108),
    ],
    ids=[
        "none",
        "its packet's",
        "the first one's",
        "when a frame is missed",
        "at once, for what has come",
        "at once, for what is late",
        "at once, to begin to speak",
        "the next frame's at the latest",
    ],
)
def test_the_next_phase_is_the_first_in_which_there_is_something_to_do(calls, phase):
    tested = tick()
    tested._sockets_wake = True
    tested._clock = SimpleNamespace(phase_at=lambda at: ceil(at / PHASE_SECS))
    tested._calls = dict.fromkeys(calls)
    tested._frame = 100 // PHASES_PER_FRAME
    assert tested._next_phase(100) == phase
    tested._sockets_wake = False
    assert tested._next_phase(100) == 101, "many calls are served in every phase"


def test_each_frame_has_a_phase_though_it_is_planned_anew_all_the_time():
    async def story():
        frames = []
        tested = Tick("tested", time.monotonic, lambda: None, lambda: frames.append(1), 60.0)
        tested.begin()
        tested._calls = dict.fromkeys([Call()])
        tested._serve = lambda n: None
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            tested.stir()
            await asyncio.sleep(0.004)
        tested.stop()
        return len(frames)

    assert asyncio.run(story()) >= 15


def test_sockets_wake_the_worker_of_a_few_calls_only():
    async def story():
        tested = tick()
        tested.begin()
        for calls, wake in ((FEW_CALLS, True), (FEW_CALLS + 1, False), (1, True)):
            tested._calls = dict.fromkeys(Call() for _ in range(calls))
            tested._serve = lambda n: None
            tested._on_phase(8)
            assert tested._sockets_wake is wake
        tested.stop()

    asyncio.run(story())


def test_a_flood_is_read_in_phases_until_the_frame_is_over():
    async def story():
        tested = tick()
        tested.begin()
        tested._clock.stop()
        tested._clock = SimpleNamespace(
            now=PHASES_PER_FRAME, run=lambda: False, plan=lambda n: None, stop=lambda: None
        )
        tested._on_phase(PHASES_PER_FRAME)
        for _ in range(MAX_WOKEN):
            tested._on_readable()
            assert tested._sockets_wake
        tested._on_readable()
        assert not tested._sockets_wake
        assert tested._on_phase(PHASES_PER_FRAME + 1) == PHASES_PER_FRAME + 2
        tested._on_phase(2 * PHASES_PER_FRAME)
        assert tested._sockets_wake
        tested.stop()

    asyncio.run(story())
