"""The echo of a raw phone leg: what a hybrid sends back of the agent's voice.

Where a two-wire line meets four wires, part of what the agent says comes back to it, after the
time to the hybrid and back. Nothing here is random: the same settings give the same line.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bridge.audio.frames import PHONE_RATE_HZ
from sip_plugin.demo import playout

RESPONSE_MS = 32
"""Length of the hybrid's own response."""
_DECAY_MS = 6.0


@dataclass(frozen=True, slots=True)
class PhoneLine:
    """A phone's line: how much of the agent comes back, and how late."""

    erl_db: float
    """Echo return loss."""
    delay_ms: float
    """From the arrival of the agent's voice: the phone's jitter buffer, then the way to the hybrid
    and back."""

    def __str__(self) -> str:
        return f"its line returns the agent {self.erl_db:g} dB quieter, after {self.delay_ms:g} ms"

    def echo(self) -> "EchoPath":
        """To be given what the phone plays."""
        return EchoPath(self.erl_db, max(self.delay_ms - playout.DELAY_MS, 0.0))


BAD_LINE = PhoneLine(erl_db=12.0, delay_ms=120.0)
"""A usual raw leg: a hybrid of middling balance behind a gateway with a jitter buffer."""


class EchoPath:
    """A line that returns the agent. Core without I/O: a frame in, the echo beside it out."""

    def __init__(
        self, erl_db: float, delay_ms: float, seed: int = 1, response_ms: int = RESPONSE_MS
    ) -> None:
        """`erl_db`: echo return loss of speech. `delay_ms`: until the echo begins."""
        response = _hybrid(erl_db, response_ms, seed)
        delay = np.zeros(round(delay_ms * PHONE_RATE_HZ / 1000))
        self._response = np.concatenate([delay, response]).astype(np.float32)
        self._past = np.zeros(len(self._response) - 1, np.float32)

    def push(self, pcm: NDArray[np.int16]) -> NDArray[np.float32]:
        """What comes back while `pcm` (int16 `[n]`) is heard: float32 `[n]`."""
        signal = np.concatenate([self._past, pcm])
        self._past = signal[len(signal) - len(self._past) :]
        return np.convolve(signal, self._response, "valid").astype(np.float32)


def _hybrid(erl_db: float, response_ms: int, seed: int) -> NDArray[np.float64]:
    """Decaying noise whose gain for the spectrum of speech is `-erl_db`."""
    samples = PHONE_RATE_HZ * response_ms // 1000
    rng = np.random.default_rng(seed)
    decay = np.exp(-np.arange(samples) / (PHONE_RATE_HZ / 1000 * _DECAY_MS * response_ms / 32))
    response = rng.normal(size=samples) * decay
    frequency = np.fft.rfftfreq(1024, 1 / PHONE_RATE_HZ)
    # Long-term spectrum of speech: flat from 200 to 500 Hz, then 9 dB less an octave.
    weight = np.where(frequency < 200, 0.0, np.minimum(1.0, (500 / np.maximum(frequency, 1)) ** 3))
    power = np.abs(np.fft.rfft(response, 1024)) ** 2
    gain = np.sqrt((power * weight).sum() / weight.sum())
    return response / gain * 10 ** (-erl_db / 20)
