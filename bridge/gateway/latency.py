"""How long agents take to speak: a histogram, small enough to be kept for ever."""

from bisect import bisect_left

BOUNDS_SECS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)


class Latency:
    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_SECS) + 1)
        """Of each bound the times up to it and above the one before; the last has no bound."""
        self.secs = 0.0
        """All of them together."""

    def observe(self, secs: float) -> None:
        self.counts[bisect_left(BOUNDS_SECS, secs)] += 1
        self.secs += secs
