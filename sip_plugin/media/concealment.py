"""Concealment of lost frames: the last pitch period goes on, ever softer, for 60 ms.

The idea is that of G.711 Appendix I: speech repeats itself at the pitch, so a short loss is best
filled with more of the same. What follows a loss is faded in over what was made up for it.
"""

import numpy as np
from numpy.typing import NDArray

from bridge.audio.frames import FRAME_SAMPLES

Pcm = NDArray[np.int16]

PITCH_MIN = 40
"""Samples: 200 Hz."""
PITCH_MAX = 120
"""66 Hz."""
TEMPLATE = 160
"""Samples at the end of the history that are looked for further back."""
HOLD = 80
"""Samples at full level before the fade begins."""
FADE_END = 480
"""Silence from here on: 60 ms."""
CROSS_FADE = 40
"""Samples over which one signal turns into another without a click: 5 ms."""

SILENCE: Pcm = np.zeros(FRAME_SAMPLES, np.int16)
SILENCE.flags.writeable = False

_RISE = (np.arange(CROSS_FADE, dtype=np.float32) + 0.5) / CROSS_FADE
_FALL = 1 - _RISE
_GAIN = np.clip(
    (FADE_END - np.arange(FADE_END + CROSS_FADE, dtype=np.float32)) / (FADE_END - HOLD), 0, 1
)


def cross_fade(from_pcm: Pcm, to_pcm: Pcm) -> Pcm:
    """`to_pcm`, begun as `from_pcm`: int16[160] each."""
    faded = to_pcm.copy()
    faded[:CROSS_FADE] = from_pcm[:CROSS_FADE] * _FALL + to_pcm[:CROSS_FADE] * _RISE
    return faded


def pitch_of(history: NDArray[np.float32]) -> int:
    """Lag in samples, 40 to 120, at which the end of `history` (float32[>=280]) repeats best."""
    template = history[-TEMPLATE:]
    past = history[-TEMPLATE - PITCH_MAX : -PITCH_MIN]  # begins at lag 120, ends at lag 40
    match = np.correlate(past, template, "valid")
    squares = np.concatenate(([0.0], np.cumsum(np.square(past, dtype=np.float64))))
    energy = squares[TEMPLATE:] - squares[:-TEMPLATE]
    score = match / np.sqrt(energy + TEMPLATE)
    return PITCH_MAX - int(np.argmax(score))


class Concealer:
    """One call's. Give every frame that came to `good`, ask `conceal` for each that did not."""

    def __init__(self) -> None:
        self._history: list[Pcm] = [SILENCE, SILENCE]
        self._made_up: Pcm | None = None
        """The whole of the present loss, rendered at its first frame."""
        self._used = 0

    def good(self, pcm: Pcm) -> Pcm:
        """Pass int16[160] on, faded in after a loss."""
        if self._made_up is not None:
            pcm = cross_fade(self._tail(), pcm)
            self._made_up = None
        self._history = [self._history[1], pcm]
        return pcm

    def conceal(self) -> tuple[Pcm, bool]:
        """int16[160] in place of a lost frame, and whether it is more than silence."""
        if self._made_up is None:
            self._begin()
        begin = self._used
        if begin >= FADE_END:
            return SILENCE, False
        self._used += FRAME_SAMPLES
        return self._made_up[begin : self._used], True

    def silence(self) -> Pcm:
        """int16[160] of a pause: the last sound fades quickly instead of breaking off."""
        if self._made_up is None:
            self._begin()
        if self._used >= FADE_END:
            return SILENCE
        tail = self._tail()
        self._used = FADE_END
        return cross_fade(tail, SILENCE)

    def _begin(self) -> None:
        self._made_up = self._render()
        self._used = 0

    def _tail(self) -> Pcm:
        """What would have been made up next: int16[40], zeros once it has faded out."""
        return self._made_up[self._used : self._used + CROSS_FADE]

    def _render(self) -> Pcm:
        history = np.concatenate(self._history).astype(np.float32)
        lag = pitch_of(history)
        period = history[-lag:].copy()
        # The end of the period runs into its beginning: fade it towards what came before that.
        seam = lag // 4
        rise = (np.arange(seam, dtype=np.float32) + 0.5) / seam
        period[-seam:] = period[-seam:] * (1 - rise) + history[-lag - seam : -lag] * rise
        length = FADE_END + CROSS_FADE
        made_up = np.tile(period, -(-length // lag))[:length]
        return (made_up * _GAIN).astype(np.int16)
