"""A raw RTP phone on a worker's call: says one tone, keeps what it hears."""

import asyncio
import random
import time

import numpy as np

from benchmarks.phones import Phone, talk
from bridge.audio import g711
from bridge.gateway.agent import AgentCall
from bridge.gateway.events import CallerAudio

_TONE = g711.encode(
    "g711_ulaw", (8000 * np.sin(2 * np.pi * 500 * np.arange(160) / 8000)).astype(np.int16)
)
LOUD = 2000


class Line:
    """The phone's end: `heard` is `(time, loud)` of each packet."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, bool]] = []
        self.phone = Phone(lambda _number, _now: _TONE, self._on_packet)

    def _on_packet(self, payload: bytes, now: float) -> None:
        loud = int(np.abs(g711.decode("g711_ulaw", payload).astype(np.int32)).max()) > LOUD
        self.heard.append((now, loud))

    @property
    def loud(self) -> int:
        """Packets with the agent's voice so far."""
        return sum(loud for _, loud in self.heard)

    async def talk(self, secs: float) -> None:
        await talk([self.phone], secs, random.Random(1))


async def until(condition, what: str, secs: float = 20.0) -> None:
    """Wait for something that must become true, however slow the machine is."""
    deadline = time.monotonic() + secs
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {secs:g} s"
        await asyncio.sleep(0.02)


async def hum(call: AgentCall) -> None:
    """An agent that speaks a tone back for each frame that it hears."""
    rate = call.info.output_rate_hz
    tone = (8000 * np.sin(2 * np.pi * 500 * np.arange(rate // 50) / rate)).astype(np.int16)
    async for event in call:
        if isinstance(event, CallerAudio):
            await call.send(tone, 0)
