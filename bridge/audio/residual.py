"""What a canceller leaves of the echo, told from a caller by more than its level.

Cases in which a frame sounds like speech and is none: a canceller that still learns leaks in
bursts; after the line stumbled, its echo comes at another time than the canceller knows; on a
noisy line an echo that hardly rises above the noise is not found at all; and where the canceller
comes and goes, the line's noise comes and goes with it, and every change sounds like an onset. All
are answered by a lower level for the gate, never by a change of the audio.
"""

from collections import deque
from math import log10

import numpy as np
from numpy.typing import NDArray

from bridge.audio.frames import FRAME_SAMPLES
from bridge.audio.level import FLOOR_DBFS

LEARNING_FRAMES = 100
"""Of the agent's voice, until the canceller knows the line (2 s)."""
SURROUNDING_FRAMES = 15
MOSTLY_CANCELLED = 10 ** (7 / 10)
"""Energy before the canceller over energy after it (7 dB), in the surrounding 300 ms."""
DISTURBED_FRAMES = 75
"""After the line stumbled, until the canceller has found the echo again (1.5 s)."""
REACH_FRAMES = 20
"""An echo is of something that was sent in the last 400 ms."""
LOUD_DBFS = -35.0
"""What was sent, in a frame whose echo tells how loud it comes back."""
FORGET_DB = 0.01
"""The loudest echo is forgotten by 0.5 dB/s."""
EXPLAINED_DB = 3.0
"""By which a caller is louder than any echo so far."""
QUIET_LINE_DBFS = -50.0
"""Noise up to here hides no echo that the gates let pass."""
NOISE_SPREAD_DB = 6.0
"""By which frames of noise differ from the quietest ones."""
GAP_DB = 18.0
"""Below the loudest frame: a gap between syllables."""
LOUDEST_FALL_DB = 0.4
"""The loudest frame is forgotten by 20 dB/s."""
UNHEARD_NOISE_DBFS = -54.0
"""Noise up to here stays below every gate."""
LOUDEST_NOISE_DBFS = -36.0
"""What is steadily louder is no line's noise."""
SETTLING_FRAMES = 50
"""Noise that is suddenly back, since the canceller was left, sounds like speech for so long (1 s).
Later it is judged as on any other call: the quiet end of a word may be as quiet as the noise."""
DIGITAL_SILENCE_DBFS = -75.0
"""No line is so quiet: a phone that sends nothing, of which nothing is learnt."""
NOISE_RISE_DB = 0.04
"""The estimate of the noise follows the quietest frames at once, louder ones by 2 dB/s."""


class Residual:
    """One call's doubts about its cleaned frames."""

    def __init__(self) -> None:
        self._learnt = 0
        self._energies: deque[tuple[float, float]] = deque(maxlen=SURROUNDING_FRAMES)
        """Before and after the canceller."""
        self._sent_dbfs: deque[float] = deque(maxlen=REACH_FRAMES)
        self._echo_db: float | None = None
        """The loudest echo against the loudest of what was sent before it; None: not known."""
        self._before_dbfs = FLOOR_DBFS
        self._disturbed = 0
        self._noise_dbfs: float | None = None
        self._doubtful = False
        self._made_up = False
        self._settling = 0
        self._loudest_dbfs = FLOOR_DBFS

    def cancelled(
        self, before: NDArray[np.int16], after: NDArray[np.int16], sent_dbfs: float, audible: bool
    ) -> None:
        """A frame in which echo was expected has been cleaned; what was sent beside it."""
        self._doubtful = True
        self._settling = SETTLING_FRAMES
        self._learnt = min(self._learnt + audible, LEARNING_FRAMES)
        self._energies.append((_energy(before), _energy(after)))
        self._before_dbfs = 10 * log10(self._energies[-1][0] / _FULL_ENERGY)
        self._sent_dbfs.append(sent_dbfs)
        if self._disturbed:
            self._disturbed -= 1
        elif self._mostly_cancelled and self._loudest_sent >= LOUD_DBFS:
            ratio = self._before_dbfs - self._loudest_sent
            known = ratio if self._echo_db is None else self._echo_db - FORGET_DB
            self._echo_db = max(ratio, known)

    def undoubted(self) -> None:
        """A frame in which there is none."""
        self._doubtful = False

    def disturbed(self) -> None:
        """The line or our own process stumbled: the echo may come at another time than before."""
        self._disturbed = DISTURBED_FRAMES

    @property
    def unsure(self) -> bool:
        """The canceller does not know the line yet, or not any more."""
        return self._disturbed > 0 or self._learnt < LEARNING_FRAMES

    @property
    def noise_dbfs(self) -> float:
        """The line's noise, as far as it is known."""
        return FLOOR_DBFS if self._noise_dbfs is None else self._noise_dbfs

    @property
    def _loudest_sent(self) -> float:
        return max(self._sent_dbfs)

    @property
    def _mostly_cancelled(self) -> bool:
        before = after = 0.0
        for energies in self._energies:
            before += energies[0]
            after += energies[1]
        return before > MOSTLY_CANCELLED * after

    def made_up(self, running: bool) -> None:
        """A frame that conceals a gap; the canceller cannot clean it, if it is at work."""
        self._doubtful = False
        self._made_up = running

    def left(self) -> None:
        """The canceller was left with this frame: the line's own sound is back at once."""
        self._loudest_dbfs = FLOOR_DBFS
        self._settling = SETTLING_FRAMES

    def is_quiet(self, level_dbfs: float) -> bool:
        """Whether some milliseconds of a frame of this level would not be missed.

        Nobody speaks, or it is a gap within the words. Ask for each frame until it is so.
        """
        self._loudest_dbfs = max(level_dbfs, self._loudest_dbfs - LOUDEST_FALL_DB)
        quiet = max(QUIET_LINE_DBFS, self._loudest_dbfs - GAP_DB)
        if self._noise_dbfs is not None:
            quiet = max(quiet, self._noise_dbfs + NOISE_SPREAD_DB)
        return level_dbfs < quiet

    def gate_level(self, level_dbfs: float) -> float:
        """The level that the gate judges the last frame by; `level_dbfs` is its own.

        Ask once for each frame: the line's noise is learnt from it.
        """
        if self._made_up:
            self._made_up = False
            return FLOOR_DBFS
        if not self._doubtful:
            self._learn_noise(level_dbfs)
            self._settling -= self._settling > 0
        if self._settling and self._is_noise(level_dbfs):
            return FLOOR_DBFS
        if not self._doubtful:
            return level_dbfs
        if self.unsure and self._mostly_cancelled:
            # It has just removed most of what came in: this is not the caller.
            return FLOOR_DBFS
        if self._disturbed and self._echo_explains_it:
            return FLOOR_DBFS
        if self._noise_dbfs is None:
            return level_dbfs
        return level_dbfs - max(0.0, self._noise_dbfs - QUIET_LINE_DBFS)

    @property
    def _echo_explains_it(self) -> bool:
        if self._echo_db is None:
            return False
        return self._before_dbfs <= self._loudest_sent + self._echo_db + EXPLAINED_DB

    def _is_noise(self, level_dbfs: float) -> bool:
        """No louder than the line's noise, where that would pass a gate."""
        if not UNHEARD_NOISE_DBFS < self.noise_dbfs < LOUDEST_NOISE_DBFS:
            return False
        return level_dbfs < self.noise_dbfs + NOISE_SPREAD_DB

    def _learn_noise(self, level_dbfs: float) -> None:
        if level_dbfs < DIGITAL_SILENCE_DBFS:
            return
        known = self._noise_dbfs
        self._noise_dbfs = level_dbfs if known is None else min(level_dbfs, known + NOISE_RISE_DB)


_FULL_ENERGY = FRAME_SAMPLES * 32768.0**2


def _energy(frame: NDArray[np.int16]) -> float:
    samples = frame.astype(np.float32)
    return float(samples @ samples) + 1.0
