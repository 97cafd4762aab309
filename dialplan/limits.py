"""How many calls there may be: at once, and within any minute; by route, agent, caller, trunk.

A core that is told of calls beginning and ending, with a clock's time. What it remembers is
bounded: a limit's own number of times each, and `MAX_CALLERS` callers.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from dialplan.part import Part

MAX_CALLERS = 10_000
"""Callers whose last minute is remembered; beyond it the one that called longest ago is not."""
MINUTE_SECS = 60.0


class Limit(Part):
    """How many calls; 0 is no limit."""

    max_calls: int = Field(0, ge=0, le=10_000)
    """At once; one more gets 486, or the next agent."""

    calls_per_minute: int = Field(0, ge=0, le=10_000)
    """Begun within any 60 seconds; one more gets 503, or the next agent."""


_Named = dict[Annotated[str, Field(max_length=64)], Limit]


class Limits(Part):
    """Limits on calls in both directions, besides those of the routes."""

    max_duration_secs: float = Field(0.0, ge=0, le=86_400)
    """An answered call ends after so long; 0: never because of its length."""

    caller: Limit = Limit()
    """For each number that calls. Callers that withhold theirs count as one."""

    agents: _Named = Field({})
    """For each named agent."""

    trunks: _Named = Field({})
    """For each named trunk."""


@dataclass(frozen=True, slots=True)
class Key:
    """What is counted: a `kind` ("route", "agent", "caller", "trunk") and its name."""

    kind: str
    name: str

    def __str__(self) -> str:
        return self.name if self.kind == "route" else f"{self.kind} {self.name or 'anonymous'}"


@dataclass(frozen=True, slots=True)
class Over:
    """A limit that one more call would break."""

    key: Key
    code: int
    """486 for calls at once, 503 for calls per minute."""
    retry_after_secs: int
    """0 when only the end of a call helps."""
    why: str


@dataclass(slots=True)
class _Count:
    running: int = 0
    begun: deque[float] = field(default_factory=deque)


class Limiter:
    """Counts the calls of one process. Times are seconds of a monotonic clock, never going back."""

    def __init__(self) -> None:
        self._counts: OrderedDict[Key, _Count] = OrderedDict()
        self._calls: dict[str, tuple[Key, ...]] = {}

    def over(self, limits: Mapping[Key, Limit], now: float) -> Over | None:
        """The first of the limits that one more call would break, or None; counts nothing."""
        for key, limit in limits.items():
            count = self._counts.get(key)
            if count is None:
                continue
            if limit.max_calls and count.running >= limit.max_calls:
                return Over(key, 486, 0, f"{key} has its {limit.max_calls} calls")
            if limit.calls_per_minute:
                recent = [at for at in count.begun if at > now - MINUTE_SECS]
                if len(recent) >= limit.calls_per_minute:
                    frees = recent[-limit.calls_per_minute] + MINUTE_SECS
                    why = f"{key} had its {limit.calls_per_minute} calls of a minute"
                    return Over(key, 503, max(1, int(frees - now) + 1), why)
        return None

    def begin(self, sid: str, limits: Mapping[Key, Limit], now: float) -> None:
        """A call has been let in, and counts for all of these. A known `sid` is begun anew."""
        self.end(sid)
        self._calls[sid] = tuple(limits)
        for key, limit in limits.items():
            count = self._counts.setdefault(key, _Count())
            self._counts.move_to_end(key)
            count.running += 1
            if limit.calls_per_minute:
                count.begun.append(now)
                while len(count.begun) > limit.calls_per_minute:
                    count.begun.popleft()
        self._forget(now)

    def end(self, sid: str) -> None:
        """A call is over. One that is not known changes nothing."""
        for key in self._calls.pop(sid, ()):
            count = self._counts[key]
            count.running -= 1
            if not count.running and not count.begun:
                del self._counts[key]

    def move(self, sid: str, gone: Key, limits: Mapping[Key, Limit], now: float) -> None:
        """A call has another agent than at its beginning: `gone` counts for it no more."""
        keys = self._calls.get(sid)
        if keys is None:
            return
        self.end(sid)
        self.begin(sid, {**{key: Limit() for key in keys if key != gone}, **limits}, now)

    def running(self, key: Key) -> int:
        count = self._counts.get(key)
        return count.running if count else 0

    def __len__(self) -> int:
        """What is remembered."""
        return len(self._counts)

    def _forget(self, now: float) -> None:
        """What has ended more than a minute ago, and the oldest of too many."""
        for key in list(_first(self._counts, 8)):
            count = self._counts[key]
            if not count.running and (not count.begun or count.begun[-1] <= now - MINUTE_SECS):
                del self._counts[key]
        surplus = len(self._counts) - MAX_CALLERS - len(self._calls)
        if surplus > 0:
            idle = (key for key, count in self._counts.items() if not count.running)
            for key in list(_first(idle, surplus)):
                del self._counts[key]


def _first(keys: Iterable[Key], most: int) -> Iterable[Key]:
    return (key for key, _ in zip(keys, range(most), strict=False))
