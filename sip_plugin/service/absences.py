"""Finds child processes that run but do not show up where they belong."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(slots=True)
class _Presence:
    pid: int
    missed: int = 0


class Absences:
    """A core without a clock: whoever owns one ticks it.

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
