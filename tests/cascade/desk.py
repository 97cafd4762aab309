"""A call to a cascade with its real stages: a voice by espeak-ng, ears by pocketsphinx."""

import contextlib
from typing import Any

import numpy as np
import pytest

from bridge.backends import CascadeOptions
from bridge.backends.cascade import stages
from bridge.backends.cascade.agent import CascadeAgent
from bridge.backends.cascade.options import AsrOptions, TtsOptions
from bridge.leg.interface import Transcript
from tests.leg.network import Phone, connection, place

INSTALL = "pip install 'clutchcall-sip-plugin[assistant]'"
pytest.importorskip("pocketsphinx", reason=f"no pocketsphinx: {INSTALL}")
pytest.importorskip("espeakng_loader", reason=f"no espeakng-loader: {INSTALL}")

HOURS = "we are open from eight to six every day"
RULES = (
    {
        "phrases": ["what are your opening hours"],
        "says": "We are open from eight to six every day.",
    },
    {"phrases": ["i want to order <digits>"], "says": "You want to order <digits>."},
    {"phrases": ["what is on the menu"], "says": "There is bread, and cake, and coffee. " * 6},
    {"phrases": ["thank you goodbye"], "says": "Goodbye.", "hangup": True},
    {"phrases": ["please connect me with sales"], "says": "One moment.", "transfer": "2000"},
    {"phrases": ["open the door"], "says": "It opens.", "send_dtmf": "9#"},
)


def options(**changes: Any) -> CascadeOptions:
    return CascadeOptions.model_validate({"llm": {"rules": RULES}} | changes)


def agent(**changes: Any) -> CascadeAgent:
    return stages.agent("assistant", options(**changes))


def caller(text: str, quiet_ms: int = 300) -> np.ndarray:
    """Someone who says it on a line with a little noise, int16 `[n]` at 16 kHz."""
    from bridge.backends.cascade.espeak import Espeak

    said = Espeak(TtsOptions(voice="en-us", words_per_minute=160)).say(text, 8000)
    quiet = np.zeros(quiet_ms * 8, np.int16)
    narrow = np.concatenate([quiet, said // 2, quiet])
    noise = np.random.default_rng(1).normal(0, 26, len(narrow))
    import soxr

    return soxr.resample((narrow + noise).round().astype(np.int16), 8000, 16_000)


async def recognised(pcm: np.ndarray, *phrases: str) -> str:
    """What somebody else understands of the agent's voice at 24 kHz."""
    import soxr

    from bridge.backends.cascade.sphinx import Pocketsphinx

    ears = Pocketsphinx(AsrOptions(phrases=phrases))
    turn = ears.recognition()
    quiet = np.random.default_rng(1).normal(0, 26, 4800).astype(np.int16)
    turn.hear(np.concatenate([quiet, soxr.resample(pcm // 2, 24_000, 16_000), quiet]))
    return await turn.text()


@contextlib.asynccontextmanager
async def call_to(made: Any, **spec: Any):
    """A phone that was answered."""
    async with place({"assistant": made}) as where, connection(where) as line:
        phone = await Phone(line, where.agent("assistant", **spec)).opened()
        phone.call.answered()
        yield phone


def say(phone: Phone, turn: int, text: str) -> None:
    """A whole turn, faster than anybody speaks."""
    phone.call.prime(turn)
    phone.call.commit(turn, phone.say(caller(text)))


async def said_by(phone: Phone, role: str, count: int = 1) -> list[str]:
    def found():
        return [e.text for e in phone.events if isinstance(e, Transcript) and e.role == role]

    await phone.until(lambda: len(found()) >= count)
    return found()


__all__ = [
    "HOURS",
    "agent",
    "call_to",
    "caller",
    "options",
    "recognised",
    "said_by",
    "say",
]
