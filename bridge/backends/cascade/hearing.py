"""The caller of one call: which of their audio belongs to a turn, and what it says."""

import numpy as np

from bridge.audio.frames import FRAME_MS
from bridge.audio.resample import Resampler
from bridge.backends.cascade.interface import Pcm, Recognition, SpeechToText
from bridge.backends.cascade.options import CascadeOptions
from bridge.backends.cascade.pauses import Pauses
from bridge.backends.interface import AudioFormat
from bridge.backends.turn_audio import TurnAudio
from bridge.gateway.events import CallerAudio

MAX_MADE_UP = 10
"""Frames lost on the way that are replaced by silence."""


class Hearing:
    def __init__(self, ears: SpeechToText, options: CascadeOptions, input_rate_hz: int) -> None:
        self._ears = ears
        self._early_ms = options.early_ms
        self._up = Resampler(input_rate_hz, ears.rate_hz)
        heard = AudioFormat("pcm16", ears.rate_hz)
        self._audio = TurnAudio(heard, options.preroll_ms, int(options.max_turn_secs * 1000))
        self._recognition: Recognition | None = None
        self._pauses = Pauses(options.early_ms)

    @property
    def open(self) -> bool:
        """A turn is."""
        return self._audio.open

    @property
    def speaking(self) -> bool:
        """Something was said since the last pause."""
        return self._pauses.speaking

    def hear(self, frame: CallerAudio) -> bool:
        """Take a frame; True when the caller pauses in an open turn."""
        lost = np.zeros(len(frame.samples), np.int16)
        paused = [self._push(lost) for _ in range(min(frame.missing, MAX_MADE_UP))]
        return any([*paused, self._push(frame.samples)])

    def begin(self) -> None:
        """A turn has begun, a moment ago."""
        self.close()
        self._recognition = self._ears.recognition()
        self._pauses = Pauses(self._early_ms)
        self._audio.begin()
        before = np.frombuffer(self._audio.take(self._audio.owed), "<i2")
        self._recognition.hear(before)
        size = self._ears.rate_hz * FRAME_MS // 1000
        for start in range(0, len(before) - size + 1, size):
            self._pauses.push(before[start : start + size])

    def commit(self) -> None:
        """The turn is over."""
        if not self._audio.open:
            self.begin()
        self._audio.commit()
        self._feed()

    def take_back(self) -> None:
        """The caller goes on: the same turn, with all that came since."""
        self._audio.go_on()
        self._feed()

    async def text(self) -> str:
        """What was said in the turn so far. Raises StageFailed."""
        return await self._recognition.text() if self._recognition is not None else ""

    def close(self) -> None:
        if self._recognition is not None:
            self._recognition.close()
            self._recognition = None

    def _push(self, pcm: Pcm) -> bool:
        made = self._up.push(pcm)
        self._audio.push(made.astype("<i2", copy=False).tobytes())
        if not self._audio.open:
            return False
        self._feed()
        return self._pauses.push(made) and self._early_ms > 0

    def _feed(self) -> None:
        if self._recognition is not None and self._audio.owed:
            self._recognition.hear(np.frombuffer(self._audio.take(self._audio.owed), "<i2"))
