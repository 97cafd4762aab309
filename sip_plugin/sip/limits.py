"""How much one source may ask of us: INVITEs a second, and calls that it never acknowledges."""

from collections import OrderedDict
from dataclasses import dataclass

MAX_SOURCES = 1024
"""Sources remembered; the one that was quiet the longest is forgotten first."""


@dataclass(slots=True)
class _Source:
    tokens: float
    at: float
    strikes: int = 0
    struck_at: float = 0.0


class SourceLimits:
    """A token bucket a source, and fewer simultaneous unanswered calls for whoever wastes them.

    Times are seconds of a monotonic clock, given in.
    """

    def __init__(
        self, rate: float = 200.0, burst: float = 400.0, strike_secs: float = 60.0
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._strike_secs = strike_secs
        self._sources: OrderedDict[str, _Source] = OrderedDict()

    def admit(self, address: str, now: float) -> bool:
        """Count one INVITE; False: too many came from there of late."""
        source = self._source(address, now)
        source.tokens = min(self._burst, source.tokens + (now - source.at) * self._rate)
        source.at = now
        if source.tokens < 1:
            return False
        source.tokens -= 1
        return True

    def strike(self, address: str, now: float) -> None:
        """A call from there was answered and never acknowledged."""
        source = self._source(address, now)
        source.strikes, source.struck_at = self._strikes(source, now) + 1, now

    def pending_allowed(self, address: str, most: int, now: float) -> int:
        """How many unconfirmed calls it may have at once: `most`, less one a strike, at least 1."""
        source = self._sources.get(address)
        return max(1, most - (self._strikes(source, now) if source else 0))

    def _strikes(self, source: _Source, now: float) -> int:
        return source.strikes if now - source.struck_at < self._strike_secs else 0

    def _source(self, address: str, now: float) -> _Source:
        source = self._sources.get(address)
        if source is None:
            source = self._sources[address] = _Source(self._burst, now)
            if len(self._sources) > MAX_SOURCES:
                self._sources.popitem(last=False)
        self._sources.move_to_end(address)
        return source
