"""One event-loop timer for the deadlines of many calls."""

import asyncio
import logging
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class HasDeadline(Protocol):
    @property
    def deadline(self) -> float | None: ...


log = logging.getLogger(__name__)

C = TypeVar("C", bound=HasDeadline)

LATE = 0.05
"""A timer so late had a process that was stalled: what it waited for may have come meanwhile."""
READ_FIRST = 0.02
"""For so long the sockets are read then."""


class Alarm(Generic[C]):
    """Calls `due(call, now)` for every watched call whose deadline has passed. After a stall of
    the process sockets are read first: some loops run timers before that. What `due` raises is
    logged, and delays no other call."""

    def __init__(self, due: Callable[[C, float], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._due = due
        self._watched: set[C] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._not_before = 0.0
        """A stall is over, and nothing is due before that time."""

    def watch(self, call: C) -> None:
        """To be called after everything that may have moved the call's deadline."""
        at = call.deadline
        if at is None:
            self._watched.discard(call)
            return
        self._watched.add(call)
        at = max(at, self._not_before)
        if self._timer is None or at < self._timer_at:
            self._arm(at)

    def forget(self, call: C) -> None:
        """The call is somebody else's now."""
        self._watched.discard(call)

    def close(self) -> None:
        self._watched.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._fire)
        self._timer_at = at

    def _fire(self) -> None:
        self._timer = None
        now = self._loop.time()
        if now > self._timer_at + LATE and self._not_before < self._timer_at:
            self._not_before = now + READ_FIRST
            self._arm(self._not_before)
            return
        for call in list(self._watched):
            at = call.deadline
            if at is not None and at <= now:
                try:
                    self._due(call, now)
                except Exception:
                    # Left alone until it is watched anew: its deadline may still be the same.
                    self._watched.discard(call)
                    log.exception("a call's deadline could not be met")
                    continue
            self.watch(call)
