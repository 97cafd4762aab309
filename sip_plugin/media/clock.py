"""The clock of a worker: one 20 ms tick in eight phases of 2.5 ms, on an absolute grid.

All calls share it. A call's packets leave in its own phase, which spreads the work over the
tick; caller frames are taken in whichever phase follows their arrival, so that they wait 2.5 ms
at most instead of 20.
"""

import time
from collections.abc import Callable
from math import ceil

from bridge.audio.frames import FRAME_MS
from sip_plugin.media.ticker import Ticker

PHASES_PER_FRAME = 8
PHASE_SECS = FRAME_MS / 1000 / PHASES_PER_FRAME

MAX_CATCH_UP = 80
"""Phases made up for after a stall (200 ms); older ones are skipped and counted."""


class PhaseClock:
    """Calls `on_phase(n)`, in order, never early, for every phase n that is wanted: it returns
    the next one that is. Phases that have passed when it is called are all made up for."""

    def __init__(self, on_phase: Callable[[int], int]) -> None:
        self._on_phase = on_phase
        self._origin = time.monotonic()
        self._next = 1
        self.skipped = 0
        self.behind = 0
        """Phases that are due already after the present one: a stall is being made up for."""
        self._ticker = Ticker(self._fired)
        self._tick_at(1, 1)

    @property
    def now(self) -> int:
        """The phase that began last."""
        return int((time.monotonic() - self._origin) / PHASE_SECS)

    def phase_at(self, at: float) -> int:
        """The first phase that does not begin before `at`, of time.monotonic()."""
        return ceil((at - self._origin) / PHASE_SECS)

    def plan(self, n: int) -> None:
        """Phase `n` is wanted next, or the next one if it has passed; after what is due by now."""
        now = self.now
        if self._next > now:
            self._next = max(n, now + 1)
            self._arm()

    def run(self) -> bool:
        """Run what is due. Returns whether anything was."""
        reached = self.now
        if self._next > reached:
            return False
        try:
            self._catch_up(reached)
        finally:
            self._arm()
        return True

    def _catch_up(self, reached: int) -> None:
        behind = reached - self._next
        if behind > MAX_CATCH_UP:
            self.skipped += behind - MAX_CATCH_UP
            self._next = reached - MAX_CATCH_UP
        while self._next <= reached:
            n = self._next
            self._next += 1
            self.behind = reached - n
            wanted = self._on_phase(n)
            if n == reached:
                self._next = max(wanted, n + 1)  # whatever was planned meanwhile: it knows more

    def stop(self) -> None:
        self._ticker.stop()

    def _fired(self) -> None:
        if not self.run():
            self._arm()

    def _arm(self) -> None:
        now = self.now
        if self._fires <= now:
            self._fires += ((now - self._fires) // self._every + 1) * self._every
        every = 1 if self._next <= now + 1 else PHASES_PER_FRAME
        if every != self._every or self._fires != self._next:
            self._tick_at(self._next, every)

    def _tick_at(self, n: int, every: int) -> None:
        """Let the ticker tick in phase `n`, and each `every` after it if nobody says otherwise."""
        self._fires, self._every = n, every
        self._ticker.tick(self._origin + n * PHASE_SECS, every * PHASE_SECS)
