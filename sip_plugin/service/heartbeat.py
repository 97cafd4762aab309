"""Finds a process that is alive but stuck. Cores without a clock: whoever owns one ticks them."""

from collections.abc import Iterable
from dataclasses import dataclass


class Heartbeat:
    """Counts pings that nobody answered on one link.

    It counts pings instead of time, so that a machine that was asleep, or a supervisor that was
    itself held up, does not condemn a child for the pause: the missing answers must have been
    asked for.
    """

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._sent = 0
        self._answered = 0

    @property
    def stuck(self) -> bool:
        return self._sent - self._answered >= self._patience

    def ping(self) -> int:
        """The number of the ping to send now."""
        self._sent += 1
        return self._sent

    def pong(self, n: int) -> None:
        """An answer came. Numbers that were never asked are ignored."""
        if self._answered < n <= self._sent:
            self._answered = n

    def reset(self) -> None:
        """The link is new: nothing is outstanding."""
        self._sent = self._answered = 0


@dataclass(slots=True)
class _Presence:
    pid: int
    missed: int = 0


class Absences:
    """Finds child processes that run but do not show up at the SIP process.

    One `tick` a second with the running children and the names that are connected; a child
    that was missing for `patience` ticks in a row is reported once. A restarted child (another
    pid) begins with a clean sheet.
    """

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._children: dict[str, _Presence] = {}

    def tick(self, running: Iterable[tuple[str, int]], present: set[str]) -> list[str]:
        """`running` holds (name, pid) of the children alive now."""
        stuck = []
        current: dict[str, _Presence] = {}
        for name, pid in running:
            child = self._children.get(name)
            if child is None or child.pid != pid:
                child = _Presence(pid)
            child.missed = 0 if name in present else child.missed + 1
            if child.missed == self._patience:
                stuck.append(name)
            current[name] = child
        self._children = current
        return stuck

    def reset(self) -> None:
        """Nobody can be present just now (the SIP process is gone): start counting anew."""
        self._children.clear()
