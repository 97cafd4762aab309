"""What a cascade saves that answers in the caller's pauses, before the turn is over.

A caller says a sentence in real time and is silent for as long as the turn detector waits; then the
commit. Time from the commit to the first frame of the reply, with answers begun in pauses
(`early_ms`, the default) and without, for two responders: rules, which need no time, and a model
whose first word takes as long as `--model-ms`. Recogniser and voice are the real ones, in this
process; gateway and plugin's leg talk over loopback.

    python -m benchmarks.overlap [--quick] [--turns 20] [--model-ms 300]
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import soxr
import uvloop

from benchmarks.report import Row, publish
from bridge.agent import AgentSpec, TlsOptions
from bridge.backends import CascadeAgent, CascadeOptions
from bridge.backends.cascade.espeak import Espeak
from bridge.backends.cascade.interface import FunctionCall, Question, Tokens
from bridge.backends.cascade.options import TtsOptions
from bridge.backends.cascade.rules import Rules
from bridge.backends.cascade.sphinx import Pocketsphinx
from bridge.gateway import Gateway, GatewayOptions
from bridge.leg.interface import CallFacts, ModelEvent, Opened, ReplyAudio, ReplyEnd
from bridge.leg.quic import QuicConnection
from bridge.turn.options import TurnOptions

QUESTION = "What are your opening hours?"
RULES = [{"phrases": ["what are your opening hours"], "says": "We are open from eight to six."}]
FRAME = 320
"""Samples of 20 ms at 16 kHz."""
LOUD = 150
PRIMED_MS = 400
"""After the onset: about when a turn is found to be one."""


class SlowRules(Rules):
    """The rules' answer, as late as a model's first word."""

    delay_secs = 0.3

    async def reply(self, question: Question) -> AsyncIterator[str | FunctionCall | Tokens]:
        await asyncio.sleep(self.delay_secs)
        async for part in super().reply(question):
            yield part


class Caller:
    def __init__(self, line: QuicConnection, agent: AgentSpec) -> None:
        self.first: dict[int, float] = {}
        """When the first frame of the reply to a turn came."""
        self._line = line
        self._news = asyncio.Event()
        self._over: set[int] = set()
        self._ready = False
        self._seq = 0
        self.call = line.open_call(CallFacts("overlap", "inbound", "", ""), agent, self._on_event)

    def _on_event(self, event: ModelEvent) -> None:
        match event:
            case Opened():
                self._ready = True
            case ReplyAudio(turn=turn):
                self.first.setdefault(turn, time.perf_counter())
            case ReplyEnd(turn=turn):
                self._over.add(turn)
        self._news.set()

    async def opened(self) -> None:
        while not self._ready:
            self._news.clear()
            await self._news.wait()
        self.call.answered()

    async def turn(self, number: int, said: np.ndarray) -> float:
        """Milliseconds from the commit to the reply's first frame."""
        began = time.perf_counter()
        for at in range(0, len(said) - FRAME + 1, FRAME):
            if at == PRIMED_MS * 16 // FRAME * FRAME:
                self.call.prime(number)
            self.call.append(self._seq, self._seq * FRAME, said[at : at + FRAME].tobytes())
            self._seq += 1
            self._line.flush()
            await asyncio.sleep(max(0.0, began + at / 16_000 + 0.02 - time.perf_counter()))
        committed = time.perf_counter()
        self.call.commit(number, self._seq - 1)
        while number not in self._over:
            self._news.clear()
            await self._news.wait()
        return (self.first[number] - committed) * 1000


def sentence(silence_ms: int) -> np.ndarray:
    """The caller on a line with a little noise, int16 `[n]` at 16 kHz, and their silence."""
    spoken = Espeak(TtsOptions(words_per_minute=160)).say(QUESTION, 8000) // 2
    spoken = spoken[: int(np.flatnonzero(np.abs(spoken) > LOUD)[-1])]  # a voice ends in silence
    narrow = np.concatenate([spoken, np.zeros(silence_ms * 8, np.int16)])
    noise = np.random.default_rng(1).normal(0, 26, len(narrow))
    return soxr.resample((narrow + noise).round().astype(np.int16), 8000, 16_000)


async def measure(early_ms: int, model_ms: int, turns: int) -> Row:
    options = CascadeOptions.model_validate({"llm": {"rules": RULES}, "early_ms": early_ms})
    responder = SlowRules(options.llm)
    responder.delay_secs = model_ms / 1000
    ears = Pocketsphinx(options.asr, tuple(RULES[0]["phrases"]))
    agent = CascadeAgent("assistant", options, ears, responder, Espeak(options.tts))
    said = sentence(TurnOptions().silence_threshold_ms)
    with tempfile.TemporaryDirectory() as folder:
        ca_file = str(Path(folder) / "ca.pem")
        gateway = Gateway(GatewayOptions(port=0, ca_out=ca_file), {"assistant": agent})
        async with gateway:
            tls = TlsOptions(ca_file=ca_file)
            line = QuicConnection(gateway.endpoint, tls)
            spec = AgentSpec(endpoint=gateway.endpoint, agent="assistant", tls=tls)
            caller = Caller(line, spec)
            await caller.opened()
            took = [await caller.turn(number, said) for number in range(1, turns + 2)][1:]
            await line.close()
    return {
        "model_ms": model_ms,
        "early_ms": early_ms,
        "turns": turns,
        "p50_ms": round(float(np.percentile(took, 50)), 1),
        "p95_ms": round(float(np.percentile(took, 95)), 1),
        "drafts_used": f"{agent.stats.drafts_used}/{agent.stats.drafts}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.overlap", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="five turns each")
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--model-ms", type=int, default=300)
    arguments = parser.parse_args()
    turns = 5 if arguments.quick else arguments.turns
    rows = [
        uvloop.run(measure(early_ms, model_ms, turns))
        for model_ms in (0, arguments.model_ms)
        for early_ms in (0, CascadeOptions.model_fields["early_ms"].default)
    ]
    publish("overlap", rows, "commit to the reply's first frame; early_ms 0 waits for the commit")


if __name__ == "__main__":
    main()
