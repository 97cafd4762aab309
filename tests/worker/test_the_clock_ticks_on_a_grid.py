"""Ticks come after their time, one by one, and a stall costs none but those it swallowed."""

import asyncio
import time

import pytest
import uvloop

from sip_plugin.media import ticker
from sip_plugin.media.clock import MAX_CATCH_UP, PHASE_SECS, PhaseClock


@pytest.fixture(params=["kernel", "loop"])
def timer(request, monkeypatch):
    if request.param == "loop":
        monkeypatch.setattr(ticker._KernelTimer, "make", lambda: None)


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request):
    return request.param


async def phases(until: int, stall_at: int = 0, stall_secs: float = 0.0):
    """Every phase up to `until`, with the time at which it ran; and the clock."""
    seen: list[tuple[int, float]] = []
    done = asyncio.Event()

    def on_phase(n: int) -> int:
        seen.append((n, time.monotonic()))
        if n == stall_at:
            time.sleep(stall_secs)
        if n >= until:
            done.set()
        return n + 1

    began = time.monotonic()
    clock = PhaseClock(on_phase)
    await asyncio.wait_for(done.wait(), 20)
    clock.stop()
    count = len(seen)
    await asyncio.sleep(4 * PHASE_SECS)
    assert len(seen) == count, "it ticks on after stop"
    return seen, began, clock


def test_every_phase_comes_once_in_order_and_never_early(timer, run):
    seen, began, clock = run(phases(40))
    assert [n for n, _ in seen][:40] == list(range(1, 41))
    assert all(at >= began + n * PHASE_SECS for n, at in seen)
    assert clock.skipped == 0


def test_a_short_stall_is_made_up_for(timer, run):
    seen, _, _ = run(phases(40, stall_at=5, stall_secs=0.06))
    assert [n for n, _ in seen][:40] == list(range(1, 41))


def test_after_a_long_stall_the_oldest_phases_are_skipped_and_counted(timer, run):
    stall = (MAX_CATCH_UP + 20) * PHASE_SECS
    seen, _, clock = run(phases(100, stall_at=5, stall_secs=stall))
    numbers = [n for n, _ in seen]
    assert numbers == sorted(set(numbers))
    assert clock.skipped >= 15
    assert clock.skipped + len(numbers) == numbers[-1]


def test_what_a_stall_has_left_due_is_not_planned_away(timer, run):
    """Whoever is called first after it, such as a socket, may plan before the clock ticks."""

    async def story():
        seen: list[int] = []

        def on_phase(n: int) -> int:
            seen.append(n)
            return n + 4

        clock = PhaseClock(on_phase)
        await asyncio.sleep(0.05)
        before = seen[-1]
        time.sleep(0.06)
        clock.plan(clock.now + 8)
        await asyncio.sleep(0.02)
        clock.stop()
        return before, [n for n in seen if n > before]

    before, seen = run(story())
    assert seen[:20] == list(range(before + 4, before + 24))
