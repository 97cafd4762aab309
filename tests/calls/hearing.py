"""What the stories assert of sound: that a voice was heard, whole, and after it was spoken."""

import numpy as np

from tests.peers.waves import RATE_HZ, find, level_dbfs

SAME_VOICE = 0.8
"""Correlation of speech with itself after two G.711 codings and the resamplers: above 0.9."""


def assert_heard(said: np.ndarray, heard: np.ndarray, after_ms: float = 0.0) -> float:
    """Assert that all of `said` sounds in `heard`, once `after_ms` has passed; when, in ms."""
    start = round(after_ms * RATE_HZ / 1000)
    at, likeness = find(said, heard[start:])
    assert likeness >= SAME_VOICE, (
        f"not heard: likeness {likeness:.2f} in {(len(heard) - start) / RATE_HZ:.1f} s "
        f"at {level_dbfs(heard[start:]):.0f} dBFS"
    )
    voice = heard[start + at : start + at + len(said)]
    change = level_dbfs(voice) - level_dbfs(said)
    assert abs(change) < 3, f"heard {change:+.1f} dB louder than said"
    return after_ms + at * 1000 / RATE_HZ


def duration_ms(pcm: np.ndarray) -> float:
    return len(pcm) * 1000 / RATE_HZ
