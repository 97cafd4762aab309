"""Whether the caller speaks, frame by frame: hysteresis on the VAD, gated by level."""

from collections import deque

from bridge.audio.frames import FRAME_MS
from bridge.turn.options import TurnOptions

RELEASE_MS = 60
"""Frames below the threshold for so long end a run of speech; shorter dips belong to it."""
_HYSTERESIS = 0.15
_PEAK_FRAMES = 100 // FRAME_MS  # a stop consonant is quiet for so long in the middle of a word


class Speech:
    """Runs of speech. A run is measured from the frame at which the VAD fires to the last frame
    at which it still does: it fires about as late as it lets go (50 and 75 ms), so that the
    length is about right while both ends are late.
    """

    def __init__(self, options: TurnOptions) -> None:
        self._on = options.vad_threshold
        # Never zero, or a run could not end.
        self._off = max(self._on - _HYSTERESIS, self._on / 2)
        self._levels: deque[float] = deque(maxlen=_PEAK_FRAMES)
        self._dip_ms = 0
        self.active = False
        """A run is going on."""
        self.started = False
        """It began with this frame."""
        self.ended = False
        """It is known to have ended, with this frame."""
        self.run_ms = 0
        """Length of the run so far, or of the last one."""

    def push(self, probability: float, level_dbfs: float, gate_dbfs: float) -> int:
        """Returns the milliseconds by which the run grew: 0 for a frame that is not speech.

        A run begins with a frame above the gate and goes on while any of the last 100 ms was.
        NaN is not speech.
        """
        self._levels.append(level_dbfs)
        self.started = self.ended = False
        if self._is_speech(probability, level_dbfs, gate_dbfs):
            self.started = not self.active
            if self.started:
                self.active, self.run_ms, self._dip_ms = True, 0, 0
            grown = FRAME_MS + self._dip_ms
            self._dip_ms = 0
            self.run_ms += grown
            return grown
        if self.active:
            self._dip_ms += FRAME_MS
            self.ended = self._dip_ms >= RELEASE_MS
            self.active = not self.ended
        return 0

    def _is_speech(self, probability: float, level_dbfs: float, gate_dbfs: float) -> bool:
        if not self.active:
            return probability >= self._on and level_dbfs >= gate_dbfs
        return probability >= self._off and any(level >= gate_dbfs for level in self._levels)
