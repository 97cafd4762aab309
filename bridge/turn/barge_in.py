"""Speech over the agent, until it is known whether it is meant to stop it."""

from bridge.audio.frames import FRAME_MS
from bridge.turn.options import TurnOptions

_LOUD_RANGE_DB = 12.0
"""The VAD lets go late: what is this far below its loudest frame is the end of a burst."""
_LIMIT_MS = 2000
"""Broken speech that has not confirmed a barge-in so long after the confirm window rejects it."""


class BargeIn:
    """At most one is pending. Time is the caller's sample clock.

    The window runs from the onset to the last loud frame, through gaps that are bridged; at least
    half of it must be speech, so that clicks do not add up.
    """

    def __init__(self, options: TurnOptions) -> None:
        self._options = options
        self._armed_at: int | None = None
        self._heard_ms = 0
        self._loudest_dbfs = -96.0
        self.speech_ms = 0
        """From the onset of the pending one, or of the last, to its last loud frame."""

    @property
    def pending(self) -> bool:
        return self._armed_at is not None

    @property
    def confirmed(self) -> bool:
        long = self.speech_ms >= self._options.barge_confirm_ms
        return self.pending and long and self._heard_ms * 2 >= self.speech_ms

    def arm(self, now_ms: int) -> None:
        """The frame that ends now is its first."""
        self._armed_at = now_ms
        self._heard_ms = self.speech_ms = 0
        self._loudest_dbfs = -96.0

    def hear(self, now_ms: int, grown_ms: int, level_dbfs: float) -> None:
        """A frame of speech, and the dip before it that belongs to it."""
        if self._armed_at is None:
            return
        self._heard_ms += grown_ms
        self._loudest_dbfs = max(self._loudest_dbfs, level_dbfs)
        least = max(self._options.agent_gate_dbfs, self._loudest_dbfs - _LOUD_RANGE_DB)
        if level_dbfs >= least:
            self.speech_ms = now_ms - self._armed_at + FRAME_MS

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
