"""What the bridge needs of a model leg, whatever is on the wire.

One `ModelConnection` carries every call of a worker to one endpoint. A call's events arrive
by a callback, in order, on the event loop's thread; a callback must not block.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from bridge.agent import AgentSpec

TransferState = Literal["trying", "ringing", "answered", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What the agent learns of the call when it opens."""

    sid: str
    direction: str
    """`inbound` or `outbound`."""
    caller: str
    called: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Opened:
    """The agent took the call: it may be answered."""

    endpoint: str = ""
    """Which of the agent's; empty where there is only one to know of."""
    sip_headers: dict[str, str] = field(default_factory=dict)
    """That the answer to an inbound call is to have."""


class ReplyAudio(NamedTuple):
    """A frame of the agent's voice.

    `turn` is the caller's turn that it answers (0: unasked, such as a greeting); `seq` counts
    frames of that reply from 0; `timestamp` is the sample position in it; `payload` is in
    the agent's codec at its output rate, docs/wire.md, "Codecs".
    """

    turn: int
    seq: int
    timestamp: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class ReplyEnd:
    """The reply to `turn` is complete: `frames` were sent."""

    turn: int
    frames: int


@dataclass(frozen=True, slots=True)
class Transcript:
    role: str
    """`caller` or `agent`."""
    text: str
    turn: int
    final: bool


@dataclass(frozen=True, slots=True)
class HangupAsked:
    reason: str
    sip_headers: dict[str, str] = field(default_factory=dict)
    """Of the BYE."""


@dataclass(frozen=True, slots=True)
class TransferAsked:
    target: str
    attended: bool = False
    """With a call to the target first; `TransferDecided` ends that."""
    sip_headers: dict[str, str] = field(default_factory=dict)
    """Of the REFER, or of that call."""


@dataclass(frozen=True, slots=True)
class TransferDecided:
    """An attended transfer goes through, or is given up."""

    complete: bool


@dataclass(frozen=True, slots=True)
class HoldAsked:
    """Put the phone on hold, or take it back."""

    on: bool


@dataclass(frozen=True, slots=True)
class DtmfAsked:
    digits: str
    """`0-9A-D*#`, 1 to 32."""


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """The model called a function, which was answered on its side."""

    name: str
    arguments: str
    """JSON, possibly cut."""
    turn: int


@dataclass(frozen=True, slots=True)
class UsageReported:
    """What a reply cost, in tokens."""

    turn: int
    input_tokens: int
    output_tokens: int
    details: dict[str, int]


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something went wrong at the agent, and the call goes on."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class EndpointChanged:
    """An endpoint failed the call, and another one takes it."""

    gone: str
    reason: str
    next: str
    had_it: bool
    """The agent was there: what it was saying is lost, and the next one begins anew."""


@dataclass(frozen=True, slots=True)
class LegFailed:
    """The call has no model any more. `code` is a short name, see docs/wire.md."""

    code: str
    message: str


ModelEvent = (
    Opened
    | ReplyAudio
    | ReplyEnd
    | Transcript
    | HangupAsked
    | TransferAsked
    | TransferDecided
    | HoldAsked
    | DtmfAsked
    | ToolCalled
    | UsageReported
    | Noticed
    | EndpointChanged
    | LegFailed
)
OnEvent = Callable[[ModelEvent], None]


class ModelCall(Protocol):
    """One call on a model connection. Methods queue; nothing waits."""

    def append(self, seq: int, timestamp: int, payload: bytes) -> None:
        """A frame of the caller in the agent's codec at its input rate; `timestamp` in samples."""

    def prime(self, turn: int) -> None: ...

    def commit(self, turn: int, last_seq: int) -> None: ...

    def no_input(self, turn: int) -> None:
        """Nobody has spoken for long: the agent may reply to `turn`, in which nothing was said.
        Fences as a commit does."""

    def cancel(self, turn: int, heard_ms: int) -> None:
        """Stop the reply to `turn`; the caller heard its first `heard_ms`. With 0 of the turn
        committed last, the commit is taken back: the turn goes on under the next number."""

    def answered(self) -> None:
        """The phone was picked up: an agent that greets first may speak."""

    def dtmf(self, digit: str, duration_ms: int) -> None: ...

    def hold(self, on: bool) -> None:
        """The phone is on hold, or back: meanwhile nothing is appended."""

    def transfer_progress(self, state: TransferState, code: int, reason: str) -> None:
        """How the transfer goes that was asked for; `failed` and `cancelled` are its end."""

    def playout(self, turn: int, played_ms: int) -> None:
        """How much of the reply to `turn` has left for the phone."""

    def close(self, reason: str) -> None:
        """Ends the call. No event follows."""

    def counters(self) -> dict[str, float]:
        """What the leg counted of this call so far, by name."""


class ModelConnection(Protocol):
    """The connection to one endpoint, shared by calls; connects by itself and stays warm."""

    going_away: str | None
    """The other side ends and takes no new calls: where to go instead, or nothing for the same
    place."""

    @property
    def idle(self) -> bool:
        """No call is open on it."""

    @property
    def connected(self) -> bool: ...

    def connect(self) -> None:
        """Begin to connect ahead of the first call, if that has not begun."""

    def open_call(self, facts: CallFacts, agent: AgentSpec, on_event: OnEvent) -> ModelCall:
        """Begins at once; `Opened` or `LegFailed` follows."""

    def flush(self) -> None:
        """Send what the calls queued in this tick, in as few packets as it takes."""

    async def close(self) -> None: ...
