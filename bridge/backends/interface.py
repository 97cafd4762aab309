"""What the gateway needs of a speech-to-speech server, whatever its dialect is.

A dialect is a core without I/O: the call and the server's messages go in, messages for the server
and events for the call come out. `now` is seconds on any monotonic clock.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Message = dict[str, Any]
"""One JSON message of the server's protocol."""

Encoding = Literal["pcm16", "g711_ulaw", "g711_alaw"]


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """Mono audio: PCM16 little-endian, or G.711 at 8000 Hz."""

    encoding: Encoding
    rate_hz: int

    @property
    def bytes_per_ms(self) -> int:
        return self.rate_hz * (2 if self.encoding == "pcm16" else 1) // 1000

    @property
    def silence(self) -> bytes:
        """A millisecond of it."""
        zero = {"pcm16": b"\0", "g711_ulaw": b"\xff", "g711_alaw": b"\xd5"}[self.encoding]
        return zero * self.bytes_per_ms


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a dialect can do; docs/gateway.md has them as a table."""

    input: AudioFormat
    output: AudioFormat
    """Unless the server says another rate with the audio."""
    cancels: bool
    """A reply can be stopped; otherwise the connection is closed and made anew."""
    truncates: bool
    """The server can be told how much of a reply was heard."""
    primes: bool
    """The model works on a turn before it has ended."""
    retracts: bool
    """A commit that was taken back stays in the conversation, and the next one adds to it."""
    tools: bool
    caller_transcripts: bool
    agent_transcripts: bool
    usage: bool
    resumes: bool
    """A new connection is told what was said on the lost one."""


# --- what the call learns ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ready:
    """The server has taken the settings: the call may be answered."""


@dataclass(frozen=True, slots=True)
class Expires:
    """The server will end this session at `at`, Unix time in seconds."""

    at: int


@dataclass(frozen=True, slots=True)
class Speech:
    """The agent's voice, of the reply to `turn`."""

    turn: int
    data: bytes
    format: AudioFormat


@dataclass(frozen=True, slots=True)
class ReplyDone:
    turn: int


@dataclass(frozen=True, slots=True)
class Said:
    """A transcript; `role` is `caller` or `agent`. Not final: the piece that is new."""

    role: Literal["caller", "agent"]
    text: str
    turn: int
    final: bool


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """The model calls a function; answer with `Dialect.tool_done`. `arguments` is its JSON."""

    call_id: str
    name: str
    arguments: str
    turn: int


@dataclass(frozen=True, slots=True)
class Used:
    """What a reply cost, in tokens. `details` are the server's own counters."""

    turn: int
    input_tokens: int
    output_tokens: int
    details: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something went wrong, and the call goes on. Codes: docs/gateway.md."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Lost:
    """This connection is of no use any more; another one may be."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Another connection is needed, and nothing went wrong: it is this dialect's way to stop."""


@dataclass(frozen=True, slots=True)
class Failed:
    """No other connection would help either."""

    code: str
    message: str


BackendEvent = (
    Ready
    | Expires
    | Speech
    | ReplyDone
    | Said
    | ToolCalled
    | Used
    | Noticed
    | Lost
    | Reconnect
    | Failed
)


class Dialect(Protocol):
    """The conversation of one call with a server."""

    capabilities: Capabilities
    dropped: Counter[str]
    """What the server sent and nobody wanted, by kind: `unknown_type`, `unsolicited`,
    `late_audio`."""

    @property
    def idle(self) -> bool:
        """Nobody speaks and nothing is asked for: a good moment for another connection."""

    @property
    def deadline(self) -> float | None:
        """When `expire` has something to do."""

    def connected(self, now: float) -> list[BackendEvent]:
        """There is a new connection: what the old one knew is gone."""

    def receive(self, message: Message, now: float) -> list[BackendEvent]:
        """A message of the server."""

    def expire(self, now: float) -> list[BackendEvent]: ...

    def take(self) -> list[Message]:
        """Messages for the server, in order."""

    def hear(self, data: bytes) -> None:
        """The caller, in `capabilities.input`; speech or not."""

    def answered(self, now: float) -> None: ...

    def prime(self, turn: int, now: float) -> None: ...

    def commit(self, turn: int, now: float) -> list[BackendEvent]: ...

    def no_input(self, turn: int, now: float) -> list[BackendEvent]: ...

    def cancel(self, turn: int, heard_ms: int, now: float) -> list[BackendEvent]: ...

    def digit(self, digit: str) -> None: ...

    def tell(self, words: str, turn: int | None, now: float) -> list[BackendEvent]:
        """Something has happened that the model should know. If nobody speaks it may go on with
        its reply to `turn`, which ends then as it does; None: it may not."""

    def tool_done(self, call_id: str, output: str, reply: bool, now: float) -> list[BackendEvent]:
        """What a function has given; `reply`: the model should speak about it."""
