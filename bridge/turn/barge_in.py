"""Speech over the agent, until it is known whether it is meant to stop it."""

from bridge.turn.options import TurnOptions

_LIMIT_MS = 2000
"""Broken speech that has not confirmed a barge-in so long after the confirm window rejects it."""


class BargeIn:
    """At most one is pending. Time is the caller's sample clock."""

    def __init__(self, options: TurnOptions) -> None:
        self._options = options
        self._armed_at: int | None = None
        self.speech_ms = 0
        """Speech of the pending one, or of the last."""

    @property
    def pending(self) -> bool:
        return self._armed_at is not None

    @property
    def confirmed(self) -> bool:
        return self.pending and self.speech_ms >= self._options.barge_confirm_ms

    def arm(self, now_ms: int) -> None:
        self._armed_at, self.speech_ms = now_ms, 0

    def hear(self, grown_ms: int) -> None:
        """So much more speech."""
        if self.pending:
            self.speech_ms += grown_ms

    def given_up(self, now_ms: int, silent_ms: int) -> bool:
        """The silence after it is too long to be bridged, or it goes on for too long unconfirmed.

        `silent_ms`: since the last speech; 0 while there is speech.
        """
        if self._armed_at is None:
            return False
        late = now_ms - self._armed_at >= self._options.barge_confirm_ms + _LIMIT_MS
        return late or (silent_ms > 0 and silent_ms >= self._options.barge_gap_ms)

    def settle(self) -> None:
        """It was confirmed or rejected."""
        self._armed_at = None
