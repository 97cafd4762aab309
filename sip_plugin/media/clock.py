"""The clock of a worker: one 20 ms tick in eight phases of 2.5 ms, on an absolute grid.

All calls share it. A call's packets leave in its own phase, which spreads the work over the
tick; caller frames are taken in whichever phase follows their arrival, so that they wait 2.5 ms
at most instead of 20.
"""

import time
from collections.abc import Callable

from bridge.audio.frames import FRAME_MS
from sip_plugin.media.ticker import Ticker

PHASES_PER_FRAME = 8
PHASE_SECS = FRAME_MS / 1000 / PHASES_PER_FRAME

MAX_CATCH_UP = 80
"""Phases made up for after a stall (200 ms); older ones are skipped and counted."""


class PhaseClock:
    """Calls `on_phase(n)` for every phase n, in order, never early."""

    def __init__(self, on_phase: Callable[[int], None]) -> None:
        self._on_phase = on_phase
        self._origin = time.monotonic()
        self._next = 1
        self.skipped = 0
        self.behind = 0
        """Phases that are due already after the present one: a stall is being made up for."""
        self._ticker = Ticker(self._origin, PHASE_SECS, self._run)

    def _run(self) -> None:
        reached = int((time.monotonic() - self._origin) / PHASE_SECS)
        behind = reached - self._next
        if behind > MAX_CATCH_UP:
            self.skipped += behind - MAX_CATCH_UP
            self._next = reached - MAX_CATCH_UP
        while self._next <= reached:
            n = self._next
            self._next += 1
            self.behind = reached - n
            self._on_phase(n)

    def stop(self) -> None:
        self._ticker.stop()
