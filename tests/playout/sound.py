"""Sounds that show a click, and a way to let a whole reply leave."""

import numpy as np
from numpy.typing import NDArray

from bridge.audio.frames import FRAME_SAMPLES, PHONE_RATE_HZ
from bridge.playout import Playout, PlayoutFrame

AMPLITUDE = 10_000
TONE_HZ = 200
STEEPEST = int(AMPLITUDE * 2 * np.pi * TONE_HZ / PHONE_RATE_HZ) + 1
"""The largest step between two samples of the tone itself."""
FADE_STEP = AMPLITUDE // 40 + 1
"""What a fade of 5 ms adds to it."""


def tone(ms: int) -> NDArray[np.int16]:
    """A tone that does not begin or end at zero: cut anywhere, it clicks."""
    time = np.arange(ms * PHONE_RATE_HZ // 1000) / PHONE_RATE_HZ
    return (AMPLITUDE * np.cos(2 * np.pi * TONE_HZ * time)).astype(np.int16)


def pull_all(playout: Playout, slots: int = 100) -> list[PlayoutFrame | None]:
    return [playout.pull() for _ in range(slots)]


def heard(frames: list[PlayoutFrame | None]) -> NDArray[np.int16]:
    """What the phone hears: silence where nothing is sent."""
    silence = np.zeros(FRAME_SAMPLES, np.int16)
    return np.concatenate([silence if frame is None else frame.pcm for frame in frames])


def largest_step(pcm: NDArray[np.int16]) -> int:
    return int(np.abs(np.diff(pcm.astype(int))).max())
