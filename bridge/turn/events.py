"""What a turn detector reports. `at_ms` is the caller's sample clock: audio consumed so far."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpeechFrame:
    """20 ms of the caller, as the detector sees it."""

    at_ms: int
    """Sample clock at the end of the frame."""
    seq: int
    """Sequence number of the uplink frame that carries it to the model."""
    probability: float
    """Speech probability, 0 to 1."""
    level_dbfs: float
    agent_audible: bool
    """The agent's voice left for the phone in this frame."""


@dataclass(frozen=True, slots=True)
class TurnEvent:
    at_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStart(TurnEvent):
    """Onset of speech, reported when it is heard; the turn, if it becomes one, counts from here."""


@dataclass(frozen=True, slots=True)
class SpeechEnd(TurnEvent):
    speech_ms: int


@dataclass(frozen=True, slots=True)
class Prime(TurnEvent):
    """A real turn has opened: the model may prepare, and does not reply yet."""

    turn: int
    first_seq: int
    """The first uplink frame of the turn: its onset, and the padding before it."""


@dataclass(frozen=True, slots=True)
class Commit(TurnEvent):
    """The turn ended: the model replies. May be taken back by a `Retract`."""

    turn: int
    speech_end_ms: int
    """Sample clock at the end of the last frame of speech."""
    last_seq: int
    """The last uplink frame of the turn."""


@dataclass(frozen=True, slots=True)
class Retract(TurnEvent):
    """The caller goes on before the reply was heard: the commit of `turn` is taken back, and the
    same turn, open again, will be committed as `reopened`."""

    turn: int
    reopened: int


@dataclass(frozen=True, slots=True)
class NoInput(TurnEvent):
    """Nobody has spoken for long: the model may, as its reply to `turn`, which is empty."""

    turn: int


@dataclass(frozen=True, slots=True)
class Backchannel(TurnEvent):
    """A burst too short to be a turn; nothing is asked of the model."""

    speech_ms: int


@dataclass(frozen=True, slots=True)
class BargeInArmed(TurnEvent):
    pass


@dataclass(frozen=True, slots=True)
class BargeInRejected(TurnEvent):
    speech_ms: int


@dataclass(frozen=True, slots=True)
class Cancel(TurnEvent):
    """A barge-in is confirmed: the agent stops."""

    turn: int
    """The caller's turn that the barge-in opens."""
