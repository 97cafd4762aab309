"""The agents that need no server: `[agents.NAME]` with `backend = "parrot"` or `"greeter"`."""

from typing import Literal

from pydantic import Field

from bridge.backends.options import Section
from bridge.gateway.agent import Agent
from bridge.gateway.clock import SpeechClock
from bridge.gateway.greeter import Greeter
from bridge.gateway.parrot import Parrot


class ParrotOptions(Section):
    backend: Literal["parrot", "greeter"]
    """`parrot` speaks back what it heard in each turn; `greeter` chimes first."""

    first_audio_ms: int = Field(0, ge=0, le=60_000)
    """How long it waits after a commit."""

    pace: float = Field(1.0, ge=0.0, le=100.0)
    """How fast it speaks, in multiples of real time; 0: all at once."""


def agent(options: ParrotOptions, clock: SpeechClock) -> Agent:
    kind = Parrot if options.backend == "parrot" else Greeter
    return kind(clock, options.first_audio_ms, options.pace)
