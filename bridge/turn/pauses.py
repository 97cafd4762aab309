"""How long a silence of this caller means that the turn is over."""

from collections import deque

from bridge.turn.options import TurnOptions

_REMEMBERED = 12
_SHORTEST_MS = 120
"""A shorter silence is a stop consonant, no pause."""
_COVERED = 0.9
"""Share of the caller's pauses that are to go by unheard."""
_CUT_OFF_MS = 1500
"""A turn that begins so soon after the last one was the rest of it."""
_MARGIN_MS = 60
_REPLY_MS = 200
"""A reply takes longer to be heard. A caller who goes on before that takes the commit back, so
that the commit need not wait for it."""
_PRIOR = 3
"""So many pauses of the usual length are taken to have been seen before the first real one."""


class Pauses:
    """The threshold of silence: fixed, or following the pauses seen inside the caller's turns."""

    def __init__(self, options: TurnOptions) -> None:
        self._options = options
        self._margin_ms = -_REPLY_MS if options.continuation else _MARGIN_MS
        usual = options.silence_threshold_ms - self._margin_ms
        self._seen: deque[int] = deque([usual] * _PRIOR, maxlen=_REMEMBERED)
        self.threshold_ms = options.silence_threshold_ms
        self.turn_ended_ms: int | None = None
        """End of the speech of the last turn."""

    def note_turn(self, began_ms: int) -> None:
        """A turn has opened whose speech began then."""
        if self.turn_ended_ms is not None and began_ms - self.turn_ended_ms <= _CUT_OFF_MS:
            self.note(began_ms - self.turn_ended_ms)

    def note(self, ms: int) -> None:
        """A silence that did not end the turn, or that should not have."""
        if self._options.endpointing == "fixed" or ms < _SHORTEST_MS:
            return
        self._seen.append(ms)
        ordered = sorted(self._seen)
        long = ordered[min(int(_COVERED * len(ordered)), len(ordered) - 1)]
        low, high = self._options.adaptive_min_ms, self._options.adaptive_max_ms
        self.threshold_ms = max(low, min(long + self._margin_ms, max(low, high)))
