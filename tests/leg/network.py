"""A real gateway and real connections to it, on loopback and free ports."""

import asyncio
import contextlib
import math
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any

import numpy as np
import uvloop

from bridge.agent import AgentSpec, TlsOptions
from bridge.gateway import Agent, Gateway, GatewayOptions
from bridge.leg.interface import CallFacts, LegFailed, ModelEvent, Opened, ReplyAudio, ReplyEnd
from bridge.leg.quic import QuicConnection

PATIENCE = 20.0
"""How long a test waits for what must come; far more than it takes, on any machine."""


def run(story: Coroutine[Any, Any, None]) -> None:
    """In real time, on the loop that the plugin has: for what threads or other processes do, and
    where time itself is the matter. Else `simulate` of tests/leg/virtual.py waits for nothing."""
    uvloop.run(asyncio.wait_for(story, 60))


class Place:
    """A gateway, and what a plugin must know of it."""

    def __init__(self, gateway: Gateway, ca_file: str) -> None:
        self.gateway = gateway
        self.endpoint = gateway.endpoint
        self.tls = TlsOptions(ca_file=ca_file)

    def agent(self, name: str = "parrot", **changes: Any) -> AgentSpec:
        spec = {"endpoint": self.endpoint, "agent": name, "tls": self.tls}
        return AgentSpec(**(spec | changes))


@contextlib.asynccontextmanager
async def place(agents: Mapping[str, Agent] | None = None, **options: Any) -> AsyncIterator[Place]:
    with tempfile.TemporaryDirectory() as folder:
        ca_file = f"{folder}/ca.pem"
        options = {"port": 0, "ca_out": ca_file, **options}
        async with Gateway(GatewayOptions(**options), agents) as gateway:
            yield Place(gateway, ca_file)


@contextlib.asynccontextmanager
async def connection(
    where: Place, tls: TlsOptions | None = None, endpoint: str = "", **options: Any
) -> AsyncIterator[QuicConnection]:
    made = QuicConnection(endpoint or where.endpoint, tls or where.tls, **options)
    try:
        yield made
    finally:
        await made.close()


class Phone:
    """One call: speaks, listens, and keeps what it was told."""

    _numbers = iter(range(1, 1_000_000))

    def __init__(
        self,
        line: QuicConnection,
        agent: AgentSpec,
        sid: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.events: list[ModelEvent] = []
        self._line = line
        self._news = asyncio.Event()
        self._seq = 0
        sid = sid or f"call-{next(self._numbers)}"
        facts = CallFacts(sid, "inbound", "1001", "2000", dict(headers or {}))
        self.call = line.open_call(facts, agent, self._on_event)

    def _on_event(self, event: ModelEvent) -> None:
        self.events.append(event)
        self._news.set()

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not done():
                self._news.clear()
                await self._news.wait()

    async def until_event(self, kind: type) -> Any:
        await self.until(lambda: any(isinstance(e, kind) for e in self.events))
        return next(e for e in self.events if isinstance(e, kind))

    async def opened(self) -> "Phone":
        await self.until(lambda: any(isinstance(e, Opened | LegFailed) for e in self.events))
        assert any(isinstance(e, Opened) for e in self.events), self.events
        return self

    async def failed(self) -> LegFailed:
        return await self.until_event(LegFailed)

    def say(self, pcm: np.ndarray, rate_hz: int = 16000) -> int:
        """Append all of it at once; returns the last sequence number.

        Nobody says seconds at once, so what waits is shed soon; from here on it is not, that a
        busy machine may take its time.
        """
        size = rate_hz // 50
        if self._line._protocol is not None:
            self._line._protocol.max_queued_secs = math.inf
        for start in range(0, len(pcm), size):
            frame = np.zeros(size, np.int16)
            piece = pcm[start : start + size]
            frame[: len(piece)] = piece
            self.call.append(self._seq, self._seq * size, frame.tobytes())
            self._seq += 1
        self._line.flush()
        return self._seq - 1

    async def reply_to(self, turn: int) -> np.ndarray:
        """The whole reply, as samples."""
        await self.until(
            lambda: any(isinstance(e, ReplyEnd) and e.turn == turn for e in self.events)
        )
        return self.heard(turn)

    def heard(self, turn: int) -> np.ndarray:
        frames = [e.payload for e in self.events if isinstance(e, ReplyAudio) and e.turn == turn]
        return np.frombuffer(b"".join(frames), "<i2")


async def talks(line: QuicConnection, agent: AgentSpec) -> Phone:
    """Proof that a call works: it says something and hears it back."""
    phone = await Phone(line, agent).opened()
    phone.call.answered()
    phone.call.commit(1, phone.say(speech(0.3)))
    assert len(await phone.reply_to(1)) > 0
    return phone


def speech(secs: float, rate_hz: int = 16000, seed: int = 1) -> np.ndarray:
    """Noise in the band of speech: what cross-correlation finds at one place only."""
    rng = np.random.default_rng(seed)
    count = int(secs * rate_hz)
    spectrum = np.fft.rfft(rng.normal(size=count))
    hz = np.fft.rfftfreq(count, 1 / rate_hz)
    spectrum[(hz < 300) | (hz > 3000)] = 0
    wave = np.fft.irfft(spectrum, count)
    return np.round(wave / np.abs(wave).max() * 12000).astype(np.int16)


def silence(secs: float, rate_hz: int = 16000) -> np.ndarray:
    return np.zeros(int(secs * rate_hz), np.int16)
