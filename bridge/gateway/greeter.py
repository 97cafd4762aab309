"""An agent that speaks first: a chime as soon as the phone is answered, then it parrots."""

import asyncio

import numpy as np

from bridge.audio.frames import FRAME_MS
from bridge.gateway.agent import AgentCall
from bridge.gateway.clock import SpeechClock
from bridge.gateway.events import AgentEvent, Answered
from bridge.gateway.parrot import Parrot, Pcm, speak

CHIME_HZ = (523.25, 659.25, 783.99)
"""C5, E5, G5: one after the other, each ringing on."""
NOTE_MS, CHIME_MS = 250, 1400
LEVEL = 0.15
"""Peak of one note, of full scale."""


def chime(rate_hz: int) -> Pcm:
    """The greeting: a soft rising triad, PCM16 at `rate_hz`."""
    total = rate_hz * CHIME_MS // 1000
    out = np.zeros(total)
    for n, pitch in enumerate(CHIME_HZ):
        start = n * rate_hz * NOTE_MS // 1000
        t = np.arange(total - start) / rate_hz
        attack = np.minimum(t / 0.01, 1.0)
        out[start:] += LEVEL * attack * np.exp(-4.0 * t) * np.sin(2 * np.pi * pitch * t)
    fade = rate_hz * 20 // 1000
    out[-fade:] *= np.linspace(1.0, 0.0, fade)
    return np.round(out * 32767).astype(np.int16)


class Greeter:
    """Greets, then speaks each committed turn back."""

    def __init__(self, clock: SpeechClock, first_audio_ms: int = 0, pace: float = 1.0) -> None:
        self._clock = clock
        self._pace = pace
        self._parrot = Parrot(clock, first_audio_ms, pace)

    async def __call__(self, call: AgentCall) -> None:
        greeting: asyncio.Task[None] | None = None

        def on_answered(event: AgentEvent) -> None:
            nonlocal greeting
            if isinstance(event, Answered) and greeting is None:
                greeting = asyncio.create_task(self._greet(call))

        try:
            await self._parrot.listen(call, on_answered)
        finally:
            if greeting is not None:
                greeting.cancel()

    async def _greet(self, call: AgentCall) -> None:
        pcm = chime(call.info.output_rate_hz)
        size = call.info.output_rate_hz * FRAME_MS // 1000
        frames = (pcm[i : i + size] for i in range(0, len(pcm), size))
        begin = asyncio.get_running_loop().time()
        await speak(call, frames, 0, self._clock, begin, self._pace)
