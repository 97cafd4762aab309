"""vLLM-Omni's realtime endpoint: its GA-style dialect, and the older one that works by turns.

Read from the project's public sources (`entrypoints/openai/realtime`, and before that
`realtime_connection.py` over vLLM's own `realtime/connection.py`).
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from bridge.backends.interface import AudioFormat, Capabilities, Message
from bridge.backends.openai import PCM_24K, ga_dialect
from bridge.backends.options import ServerOptions
from bridge.backends.realtime import RealtimeDialect
from bridge.backends.turns import TurnsDialect, TurnsSettings
from bridge.gateway.agent import CallInfo

GA = Capabilities(
    input=PCM_24K,
    output=PCM_24K,
    cancels=True,
    truncates=True,
    primes=False,
    retracts=True,
    tools=True,
    caller_transcripts=False,
    agent_transcripts=True,
    usage=True,
    resumes=True,
)
TURNS = Capabilities(
    input=AudioFormat("pcm16", 16_000),
    output=PCM_24K,
    cancels=False,
    truncates=False,
    primes=True,
    retracts=True,
    tools=False,
    caller_transcripts=False,
    agent_transcripts=True,
    usage=True,
    resumes=False,
)

GA_ONLY = ("voice", "instructions", "no_input_instructions", "tools", "functions")
"""Options that the older dialect has no words for."""


class VllmOptions(ServerOptions):
    """`[agents.NAME]` with `backend = "vllm"`."""

    backend: Literal["vllm"]
    """The dialect's family."""

    url: str = Field(examples=["ws://127.0.0.1:8000/v1/realtime"], max_length=2000)
    """WebSocket address of the server."""

    model: str = Field(min_length=1, max_length=200, examples=["Qwen/Qwen3-Omni-30B-A3B-Instruct"])
    """The served model's name."""

    dialect: Literal["ga", "turns"] = "ga"
    """`turns`: servers of before the GA-style endpoint."""

    voice: str = Field("", max_length=100)
    """The server's name of the voice; empty takes its default. `ga` only."""

    @model_validator(mode="after")
    def _everything_has_an_effect(self) -> Self:
        idle = [key for key in GA_ONLY if self.dialect == "turns" and getattr(self, key)]
        if idle:
            raise ValueError(f"{' and '.join(idle)} cannot be told in dialect turns: take it out")
        return self


def dialect(options: VllmOptions, info: CallInfo) -> RealtimeDialect | TurnsDialect:
    """The conversation of one call."""
    if options.dialect == "turns":
        return TurnsDialect(
            TurnsSettings(
                capabilities=TURNS,
                model=options.model,
                preroll_ms=options.preroll_ms,
                max_turn_secs=options.max_turn_secs,
                max_reply_secs=options.max_reply_secs,
                session_timeout_secs=options.connect_timeout_secs,
                reply_timeout_secs=options.reply_timeout_secs,
            )
        )
    audio: Message = {"type": "audio/pcm", "rate": 24_000}
    spoken: Message = {"format": audio}
    if options.voice:
        spoken["voice"] = options.voice
    session: Message = {
        "type": "realtime",
        "model": options.model,
        "output_modalities": ["audio"],
        "audio": {"input": {"format": audio, "turn_detection": None}, "output": spoken},
    }
    return ga_dialect(options, info, session, GA)
