"""Every message between the processes of the plugin.

The SIP process listens on a Unix socket; workers and the supervisor connect to it. A message
goes as a 4-byte big-endian length and a JSON object whose `type` is the class name.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bridge.agent import AgentSpec
from bridge.leg.interface import TransferState
from bridge.profile import LegProfile
from sip_plugin.media.description import MediaDescription

MAX_PART_CHARS = 32_000
"""Of a document that is longer than a message; each may take six bytes in JSON."""


class Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PromptSpec(BaseModel):
    """A WAV file and how often it is played, with a second between."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    times: int = Field(1, ge=1, le=10)


class Hello(Message):
    """First message of every client of the SIP process."""

    role: Literal["worker", "supervisor"]
    name: str
    pid: int


# --- worker to SIP process ---------------------------------------------------------------


class Lease(Message):
    """A bound RTP port (RTCP on the next one) that the SIP process may put into an SDP."""

    lease_id: str
    address: str
    port: int


class OfferLeases(Message):
    leases: tuple[Lease, ...]


class ModelLink(Message):
    """Whether any connection to a model stands. Told after Hello, and when it changes."""

    connected: bool


class ModelReady(Message):
    """The model leg of a call is open, and its prompt read: it may be answered."""

    sid: str
    agent_name: str = ""
    """Whose: a call may go on to another agent meanwhile. Empty: the call's."""
    sip_headers: dict[str, str] = Field(default_factory=dict)
    """That the agent wants in the answer."""


class ModelFailed(Message):
    """The model leg could not be opened, or was lost, or a prompt cannot be played: another
    agent, the agent's fallback, 503, or a BYE."""

    sid: str
    code: str
    reason: str
    agent_name: str = ""
    """As in ModelReady."""


class PromptEnded(Message):
    """A prompt that no agent follows was played to its end."""

    sid: str


class EndCall(Message):
    """The data plane asks for a BYE: the model hung up, or the media stopped."""

    sid: str
    cause: Literal["model_hangup", "media_timeout", "media_failed"]
    reason: str
    sip_headers: dict[str, str] = Field(default_factory=dict)
    """That the agent wants in the BYE."""


class TransferCall(Message):
    """The model asks for a transfer: a blind one, or one with a call to the target first."""

    sid: str
    target: str
    attended: bool = False
    sip_headers: dict[str, str] = Field(default_factory=dict)
    """That the agent wants in the REFER, or in the INVITE of the call to the target."""


class TransferDecision(Message):
    """The model lets its attended transfer go through, or gives it up. From either call."""

    sid: str
    complete: bool


class PressDigits(Message):
    """Keys for a peer that takes no telephone events in RTP: by SIP INFO."""

    sid: str
    digits: str = Field(pattern=r"^[0-9A-D*#]{1,64}$")


class CallEvent(Message):
    """Something that happened on a call, for whoever watches: a turn event, a digit, a latency."""

    sid: str
    event: str
    at_ms: float
    """Sample clock of the caller, since the media started."""
    data: dict[str, Any] = Field(default_factory=dict)


class CallReport(Message):
    """What a call was like, sent once its media has ended: every counter and latency."""

    sid: str
    report: dict[str, Any]


# --- SIP process to worker ---------------------------------------------------------------


class OpenCall(Message):
    """A call uses a lease; the worker connects the model now, while the phone rings."""

    sid: str
    lease_id: str
    agent_name: str
    agent: AgentSpec | None
    """None: nobody but the prompt is heard."""
    direction: Literal["inbound", "outbound"]
    caller: str
    called: str
    headers: dict[str, str] = Field(default_factory=dict)
    leg: LegProfile = LegProfile()
    prompt: PromptSpec | None = None
    """Played once the call is answered, before the agent."""
    again: bool = False
    """Its agent failed before it was answered; this one takes it, with the same lease."""


class ChangeLeg(Message):
    """A call that was not answered goes out by another trunk, whose line may be another."""

    sid: str
    leg: LegProfile


class StartMedia(Message):
    """The SDP was negotiated, for the first time or anew (hold, changed address)."""

    sid: str
    media: MediaDescription
    answered: bool
    """False for early media before the 200."""
    early: Literal["none", "ringback", "greeting", "prompt"] = "none"
    """What the caller hears of us before it."""


class PlayPrompt(Message):
    """The call has lost its model: this is played instead, until PromptEnded."""

    sid: str
    prompt: PromptSpec


class SendDigits(Message):
    sid: str
    digits: str = Field(pattern=r"^[0-9A-D*#]{1,64}$")


class DigitPressed(Message):
    """A key of the caller that came by SIP INFO."""

    sid: str
    digit: str = Field(pattern=r"^[0-9A-D*#]$")
    duration_ms: int = Field(ge=0, le=60_000)


class TransferProgress(Message):
    """How the transfer goes that the model asked for; `failed` and `cancelled` are its end."""

    sid: str
    state: TransferState
    code: int = Field(0, ge=0, le=699)
    reason: str = ""


class CloseCall(Message):
    """The call is over: free its port, close its model leg, report."""

    sid: str
    reason: str


# --- supervisor to SIP process -----------------------------------------------------------


class Originate(Message):
    request_id: str
    number: str
    agent_name: str
    trunk: str = ""
    """Empty: the first trunk that can."""
    caller_id: str = ""
    sip_headers: dict[str, str] = Field(default_factory=dict)
    """Of the INVITE."""


class Hangup(Message):
    sid: str
    reason: str = "normal"
    cause: Literal["plugin_hangup", "shutdown"] = "plugin_hangup"


class Drain(Message):
    """Refuse new calls with 503 and Retry-After; running ones go on."""

    retry_after_secs: int


class Reconfigure(Message):
    """A part of a new configuration; with the last it is taken over, for calls that begin then."""

    request_id: str
    part: str = Field(max_length=MAX_PART_CHARS)
    """The parts together are the configuration as JSON, as a process gets it at its start."""
    last: bool


# --- SIP process to supervisor -----------------------------------------------------------


class OriginateAnswer(Message):
    """`sid` when the call was begun; otherwise `code` and `reason` say why not."""

    request_id: str
    sid: str = ""
    code: int = 0
    reason: str = ""


class ReconfigureAnswer(Message):
    request_id: str
    problem: str = ""
    """Why nothing was changed; empty: the configuration was taken over."""


class CallState(Message):
    """A call changed its state; the last one of a call is completed, failed or no_answer."""

    sid: str
    state: Literal["dialing", "ringing", "in_progress", "completed", "failed", "no_answer"]
    direction: Literal["inbound", "outbound"]
    caller: str
    called: str
    trunk: str
    agent_name: str
    code: int = 0
    """SIP code that ended it, 0 while it runs."""
    reason: str = ""
    cause: str = ""
    """Ours: caller_hangup, plugin_hangup, model_hangup, model_failed, media_timeout, …"""
    ended_by: Literal["", "caller", "callee", "agent", "plugin", "network"] = ""
    far_reason: str = ""
    """The far side's Reason header (RFC 3326)."""
    announcement_secs: float = 0.0
    """How long the far side spoke to us (early media) before a call of ours failed."""


class TrunkState(Message):
    name: str
    state: Literal[
        "unregistered", "registering", "registered", "refused", "unreachable", "ip_trunk"
    ]
    code: int = 0
    reason: str = ""
    expires_secs: int = 0
    retry_in_secs: float = 0.0


class WorkerState(Message):
    name: str
    connected: bool
    calls: int
    leases: int


class CallRefused(Message):
    """An INVITE that never became a call: counted by code and reason."""

    code: int
    reason: str
    trunk: str
    called: str


# --- from a worker or the supervisor -----------------------------------------------------


class HoldCall(Message):
    """Put the phone on hold, or take it back."""

    sid: str
    on: bool


# --- both ways ---------------------------------------------------------------------------


class Ping(Message):
    """Answered with the same number: a process that is alive but stuck is found by its silence."""

    n: int


class Pong(Message):
    n: int
