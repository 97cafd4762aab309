"""One event-loop timer for the deadlines of many calls."""

import asyncio
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class HasDeadline(Protocol):
    @property
    def deadline(self) -> float | None: ...


C = TypeVar("C", bound=HasDeadline)


class Alarm(Generic[C]):
    """Calls `due(call, now)` for every watched call whose deadline has passed."""

    def __init__(self, due: Callable[[C, float], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._due = due
        self._watched: set[C] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def watch(self, call: C) -> None:
        """To be called after everything that may have moved the call's deadline."""
        at = call.deadline
        if at is None:
            self._watched.discard(call)
            return
        self._watched.add(call)
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
        for call in list(self._watched):
            at = call.deadline
            if at is not None and at <= now:
                self._due(call, now)
            self.watch(call)
