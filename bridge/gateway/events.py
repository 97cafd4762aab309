"""What an agent learns of its call, in the order in which it happened."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class CallerAudio(NamedTuple):
    """A frame of the caller. `payload` are the bytes as they came, in the call's codec.

    `missing` frames before it were lost on the way; `timestamp` counts samples.
    """

    seq: int
    timestamp: int
    payload: bytes
    missing: int
    decode: Callable[[bytes], bytes] = bytes
    """Makes PCM16 of `payload`; many agents never ask for it."""

    @property
    def pcm(self) -> bytes:
        """PCM16 little-endian at the call's input rate."""
        return self.decode(self.payload)

    @property
    def samples(self) -> npt.NDArray[np.int16]:
        """int16 `[n]`."""
        return np.frombuffer(self.pcm, "<i2")


@dataclass(frozen=True, slots=True)
class Answered:
    """The phone was picked up: an agent that greets first may speak, as turn 0."""


@dataclass(frozen=True, slots=True)
class Primed:
    """The caller has begun a real turn."""

    turn: int


@dataclass(frozen=True, slots=True)
class Committed:
    """The caller's turn is over, and all of its audio was delivered except for `missing` frames
    (counted since the commit before): reply to `turn`."""

    turn: int
    last_seq: int
    missing: int


@dataclass(frozen=True, slots=True)
class NoInput:
    """Nobody has spoken for long: the agent may say something as its reply to `turn`, in which
    the caller said nothing."""

    turn: int


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The caller interrupted the reply to `turn`, of which `heard_ms` were heard. What is still
    sent for it is thrown away.

    When nothing was heard of the reply to the last commit, the commit is taken back: the caller
    goes on, and what was said in `turn` belongs to the next one.
    """

    turn: int
    heard_ms: int


@dataclass(frozen=True, slots=True)
class Digit:
    digit: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Held:
    """The phone is on hold, or back (`on` false): meanwhile it hears nothing and sends nothing."""

    on: bool


@dataclass(frozen=True, slots=True)
class TransferProgress:
    """How the transfer goes that the agent asked for: `trying`, `ringing`, `answered`, `failed`,
    `cancelled`. With the last two it has ended, and the phone is the agent's again."""

    state: str
    code: int
    """SIP's, 0 where there is none."""
    reason: str


@dataclass(frozen=True, slots=True)
class Played:
    """`played_ms` of the reply to `turn` have left for the phone."""

    turn: int
    played_ms: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over. `code` is empty for a normal end, else a name of docs/wire.md."""

    code: str
    reason: str


AgentEvent = (
    CallerAudio
    | Answered
    | Primed
    | Committed
    | NoInput
    | Cancelled
    | Digit
    | Held
    | TransferProgress
    | Played
    | Ended
)
