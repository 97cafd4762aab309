"""How long a silence of this caller means that the turn is over."""

from collections import deque

from bridge.turn.options import TurnOptions

_REMEMBERED = 12
_SHORTEST_MS = 120
"""A shorter silence is a stop consonant, no pause."""
_COVERED = 0.9
"""Share of the caller's pauses that is to be shorter than the threshold."""
_MARGIN_MS = 60
_PRIOR = 3
"""So many pauses of the usual length are taken to have been seen before the first real one."""


class Pauses:
    """The threshold of silence: fixed, or following the pauses seen inside the caller's turns."""

    def __init__(self, options: TurnOptions) -> None:
        self._options = options
        usual = options.silence_threshold_ms - _MARGIN_MS
        self._seen: deque[int] = deque([usual] * _PRIOR, maxlen=_REMEMBERED)
        self.threshold_ms = options.silence_threshold_ms

    def note(self, ms: int) -> None:
        """A silence that did not end the turn, or that should not have."""
        if self._options.endpointing == "fixed" or ms < _SHORTEST_MS:
            return
        self._seen.append(ms)
        ordered = sorted(self._seen)
        long = ordered[min(int(_COVERED * len(ordered)), len(ordered) - 1)]
        low, high = self._options.adaptive_min_ms, self._options.adaptive_max_ms
        self.threshold_ms = max(low, min(long + _MARGIN_MS, max(low, high)))
