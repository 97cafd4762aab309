"""The caller's recorded lines. Where they come from and their licence: README.md beside them."""

import wave
from importlib import resources

import numpy as np

from bridge.audio.frames import PHONE_RATE_HZ

TURNS = ("turn_1", "turn_2", "turn_3", "turn_4", "turn_5", "turn_6")
"""Sentences of 2.0 to 3.0 s: each is a turn, with no pause above 200 ms inside it."""
BACKCHANNEL = "backchannel"
"""A short "'kay" of 180 ms."""
BARGE_IN = "barge_in"
"""A sentence of 2.1 s."""
WORDS = {
    "turn_1": "Information about your last call.",
    "turn_2": "That feature is not available on this line.",
    "turn_3": "They have been carried away by monkeys.",
    "turn_4": "I'm afraid I don't know who sent this message.",
    "turn_5": "Nobody is available to take your call at the moment.",
    "turn_6": "Your call cannot be completed as dialed.",
    BACKCHANNEL: "'Kay.",
    BARGE_IN: "Please hold while I try that extension.",
}


def load(name: str) -> np.ndarray:
    """One line as int16[n], mono, 8 kHz: speech from its first 20 ms frame to its last.

    n is a whole number of 20 ms frames. Raises FileNotFoundError for an unknown name.
    """
    path = resources.files(__package__).joinpath(f"{name}.wav")
    with path.open("rb") as file, wave.open(file) as recording:
        shape = recording.getnchannels(), recording.getsampwidth(), recording.getframerate()
        if shape != (1, 2, PHONE_RATE_HZ):
            raise ValueError(f"{name}.wav is not 16-bit mono at {PHONE_RATE_HZ} Hz: {shape}")
        samples = recording.readframes(recording.getnframes())
    return np.frombuffer(samples, "<i2").astype(np.int16)
