"""Two bands of a wideband caller: what a narrowband call has, and what is above it.

All that judges and cleans a caller (canceller, voice activity, levels) works on the lower band at
8 kHz, as on any other call; the upper one is carried beside it and added again for the model. So
an echo needs no wideband canceller: the upper band is muted while the agent may be in it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bridge.audio.frames import FRAME_MS, PHONE_RATE_HZ
from bridge.audio.resample import DELAY_MS, Resampler

Pcm = NDArray[np.int16]

WIDE_RATE_HZ = 16_000
WIDE_FRAME_SAMPLES = WIDE_RATE_HZ * FRAME_MS // 1000
_DELAY = 2 * DELAY_MS * WIDE_RATE_HZ // 1000
"""Samples by which a band that went down to 8 kHz and up again is late."""
_FADE_OUT = np.linspace(1.0, 0.0, WIDE_FRAME_SAMPLES, dtype=np.float32)
_FADE_IN = _FADE_OUT[::-1].copy()


class UpperBand(NamedTuple):
    """What a wideband phone's frame has above the 8 kHz that everything else works on."""

    pcm: Pcm | None
    """int16[320] at 16 kHz; None when nothing is known of it (lost, held)."""
    muted: bool = False
    """The agent may be in it."""


class BandSplit:
    """One caller's stream. The bands are in step: the lower one, brought to 16 kHz by a
    `Resampler`, plus the upper one is what came in, 4 ms later."""

    def __init__(self) -> None:
        self._down = Resampler(WIDE_RATE_HZ, PHONE_RATE_HZ)
        self._up = Resampler(PHONE_RATE_HZ, WIDE_RATE_HZ)
        self._late = np.zeros(_DELAY, np.int16)

    def push(self, wide: Pcm) -> tuple[Pcm, Pcm]:
        """int16 `[2n]` at 16 kHz, any even length: int16 `[n]` at 8 kHz, int16 `[2n]` above it."""
        low = self._down.push(wide)
        line = np.concatenate((self._late, wide))
        self._late = line[len(wide) :]
        return low, _clip(line[: len(wide)].astype(np.int32) - self._up.push(low))


class BandJoin:
    """One caller's bands on their way to a model."""

    def __init__(self, rate_hz: int) -> None:
        """`rate_hz`: the model's, 8000 takes the lower band alone."""
        self._is_wide = rate_hz > PHONE_RATE_HZ
        self._up = Resampler(PHONE_RATE_HZ, WIDE_RATE_HZ if self._is_wide else rate_hz)
        self._on = Resampler(WIDE_RATE_HZ, rate_hz) if self._is_wide else None
        self._open = False

    def push(self, low: Pcm, high: UpperBand) -> Pcm:
        """A frame of both at the model's rate. The upper band fades in and out in 20 ms."""
        made = self._up.push(low)
        if self._on is None:
            return made
        if high.pcm is not None:
            wanted = not high.muted
            if wanted and self._open:
                made = _clip(made.astype(np.int32) + high.pcm)
            elif wanted or self._open:
                made = _clip(made + high.pcm * (_FADE_IN if wanted else _FADE_OUT))
            self._open = wanted
        return self._on.push(made)


def _clip(samples: NDArray[np.int32] | NDArray[np.float32]) -> Pcm:
    return np.clip(samples, -32768, 32767).astype(np.int16)
