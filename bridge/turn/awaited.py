"""The reply that was asked for and has not been heard yet."""

from dataclasses import dataclass

from bridge.turn.utterance import Utterance


@dataclass(frozen=True, slots=True)
class Standing:
    """What a commit changed, so that it can be taken back."""

    utterance: Utterance
    commit_ms: int | None
    """When the commit before it was."""
    next_seq: int


@dataclass(slots=True)
class Awaited:
    """Until the first frame of the reply has left, or it is not expected any more."""

    turn: int
    until_ms: int
    standing: Standing | None = None
    """None: what was asked for cannot be taken back."""
    owed: bool = True
    """The caller has said something, and it is the agent's turn."""
