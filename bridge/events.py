"""What a bridged call reports to whoever watches: its turns, its replies, its latencies.

`at_ms` is the caller's sample clock, as in `bridge.turn.events`.
"""

import re
from dataclasses import asdict, dataclass
from typing import Any

from bridge.turn.events import TurnEvent


@dataclass(frozen=True, slots=True)
class Cancelled(TurnEvent):
    """The agent was stopped: by a confirmed barge-in, or by the end of a turn that it began to
    speak into."""

    turn: int
    """The caller's turn that the barge-in opens."""
    reply_turn: int
    """The turn whose reply was cut."""
    heard_ms: int
    """How much of that reply had left for the phone."""


@dataclass(frozen=True, slots=True)
class ReplyStart(TurnEvent):
    """The first frame of a reply leaves for the phone."""

    turn: int


@dataclass(frozen=True, slots=True)
class ReplyEnd(TurnEvent):
    """The last frame of a reply has left for the phone."""

    turn: int
    heard_ms: int


@dataclass(frozen=True, slots=True)
class TurnLatency(TurnEvent):
    """From the end of the caller's speech to the agent's first packet, by part."""

    turn: int
    commit_ms: float
    """End of speech (its last frame) to the commit."""
    model_ms: float
    """Commit to the first frame of the model's reply."""
    playout_ms: float
    """First frame of the reply to the first RTP packet that carries it."""
    total_ms: float


@dataclass(frozen=True, slots=True)
class TranscriptHeard(TurnEvent):
    role: str
    text: str
    turn: int
    final: bool


_NAMES = {Cancelled: "cancel", TranscriptHeard: "transcript"}


def name_of(event: TurnEvent) -> str:
    """The event's name for logs, APIs and replays: `barge_in_armed` for BargeInArmed."""
    kind = type(event)
    return _NAMES.get(kind) or re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


def data_of(event: TurnEvent) -> dict[str, Any]:
    """The event's fields but for `at_ms`, ready for JSON."""
    fields = asdict(event)
    del fields["at_ms"]
    return fields
