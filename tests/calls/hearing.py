"""What the stories assert of sound: that a voice was heard, whole, and after it was spoken."""

import numpy as np

from tests.peers.waves import RATE_HZ, find, level_dbfs

FINE = 4
"""Likeness is looked for at this multiple of the rate: a wideband codec's filters delay by half a
sample at 8 kHz, which made the sibilants of a sound call 0.4 alike on the grid of samples."""
FINE_HZ = FINE * RATE_HZ
PIECE = FINE_HZ // 4
SHIFT = FINE_HZ // 4
"""On a busy machine a frame comes late now and then, and what follows it is heard later."""
SAME_SOUND = 0.6
"""Likeness of a piece of speech to itself after two codings (G.711, G.722) and resampling is above
0.8, where the echo canceller has just begun above 0.6, and to other speech mostly
below 0.5 (1 of 100 pieces is above 0.6)."""
PITCH_HZ = 600
PIECES_A_SPOILT_ONE = 7
"""Of so many pieces, or fewer, one need not be heard: a late frame spoils what it falls into."""


def assert_heard(said: np.ndarray, heard: np.ndarray, after_ms: float = 0.0) -> float:
    """Assert that `said` sounds in `heard` once `after_ms` has passed; returns when, in ms."""
    line = heard[round(after_ms * RATE_HZ / 1000) :]
    voice, shape = _fine_above_the_pitch(line), _fine_above_the_pitch(said)
    at, _ = find(shape, voice)
    loud = [
        (start, shape[start : start + PIECE])
        for start in range(0, len(shape) - PIECE + 1, PIECE)
        if level_dbfs(said[start // FINE : (start + PIECE) // FINE]) > -40
    ]
    likenesses = []
    for start, piece in loud:
        around = voice[max(0, at + start - SHIFT) : at + start + PIECE + SHIFT]
        likenesses.append(find(piece, around)[1])
    heard_pieces = sum(likeness >= SAME_SOUND for likeness in likenesses)
    assert heard_pieces >= len(loud) - max(1, len(loud) // PIECES_A_SPOILT_ONE), (
        f"not heard: likeness of each quarter second {[round(x, 2) for x in likenesses]}, "
        f"best place {after_ms + at * 1000 / FINE_HZ:.0f} ms of {len(heard) / 8:.0f} ms, "
        f"{level_dbfs(line):.0f} dBFS after {after_ms:.0f} ms"
    )
    first = round(at / FINE)
    change = level_dbfs(line[first : first + len(said)]) - level_dbfs(said)
    assert abs(change) < 3, f"heard {change:+.1f} dB louder than said"
    return after_ms + at * 1000 / FINE_HZ


def _fine_above_the_pitch(pcm: np.ndarray) -> np.ndarray:
    """At `FINE_HZ`, what is above 600 Hz: the high-passes of the way in turn the phase of what is
    below, which nobody hears, and which would make a waveform unlike itself."""
    spectrum = np.fft.rfft(pcm.astype(np.float64))
    spectrum[np.fft.rfftfreq(len(pcm), 1 / RATE_HZ) < PITCH_HZ] = 0.0
    return np.fft.irfft(spectrum, len(pcm) * FINE) * FINE


def duration_ms(pcm: np.ndarray) -> float:
    return len(pcm) * 1000 / RATE_HZ
