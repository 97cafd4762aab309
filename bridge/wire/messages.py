"""The messages of a call's control stream. Meanings and rules: docs/wire.md."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bridge.codec.interface import CodecName
from bridge.wire.limits import MAX_RESUME_SECS

Name = Annotated[str, Field(min_length=1, max_length=128)]
Text = Annotated[str, Field(max_length=256)]
Turn = Annotated[int, Field(ge=0, le=0xFFFF_FFFF)]
Seq = Annotated[int, Field(ge=-1, le=0xFFFF_FFFF)]
Millis = Annotated[int, Field(ge=0, le=0xFFFF_FFFF)]
Count = Annotated[int, Field(ge=0, le=0xFFFF_FFFF)]
Rate = Literal[8000, 16000, 24000, 48000]

MAX_HEADERS = 32
MAX_TRANSCRIPT = 8000
MAX_ARGUMENTS = 4000
MAX_USAGE_DETAILS = 32
MAX_SIP_HEADERS = 8

HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{1,63}$")]
HeaderText = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,256}$")]
SipHeaders = Annotated[dict[HeaderName, HeaderText], Field(max_length=MAX_SIP_HEADERS)]
"""For the phone's side; the plugin sends those that its configuration lists."""


class Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


# --- plugin to gateway -------------------------------------------------------------------


class Again(Message):
    """In an `open` after the connection broke: the call goes on. A gateway that does not know
    `token` takes the call as a new one, from there on."""

    token: Annotated[str, Field(max_length=64)]
    received: Count
    """The gateway's messages taken so far, `resumed` not counted."""
    turn: Turn
    next_frame: Count
    """The reply to `turn` was heard up to before this frame; none of a later one."""
    first_seq: Count
    """The first uplink frame that a new call would hear."""
    committed: Turn
    """The last turn that a new call would not be asked about."""


class Open(Message):
    """First message of a call."""

    type: Literal["open"] = "open"
    sid: Annotated[str, Field(pattern=r"^[A-Za-z0-9._@+-]{1,128}$")]
    agent: Name
    token: Annotated[str, Field(max_length=4096)] = ""
    direction: Literal["inbound", "outbound"]
    caller: Text = ""
    called: Text = ""
    headers: Annotated[dict[Text, Text], Field(max_length=MAX_HEADERS)] = {}
    codec: CodecName = "pcm16"
    input_rate_hz: Rate = 16000
    output_rate_hz: Rate = 24000
    greeting: Annotated[str, Field(max_length=2000)] = ""
    greets_first: bool = False
    audio_delivery: Literal["datagram", "stream"] = "datagram"
    """How the agent's voice is to come."""
    again: Again | None = None


class Answered(Message):
    """The phone was picked up."""

    type: Literal["answered"] = "answered"


class Prime(Message):
    """A real turn has opened: prepare, do not reply yet."""

    type: Literal["prime"] = "prime"
    turn: Annotated[int, Field(ge=1, le=0xFFFF_FFFF)]


class Commit(Message):
    """The turn ended with uplink frame `last_seq`: reply."""

    type: Literal["commit"] = "commit"
    turn: Annotated[int, Field(ge=1, le=0xFFFF_FFFF)]
    last_seq: Seq


class NoInput(Message):
    """Nobody has spoken for long: reply to `turn`, in which nothing was said, or do not."""

    type: Literal["no_input"] = "no_input"
    turn: Annotated[int, Field(ge=1, le=0xFFFF_FFFF)]


class Cancel(Message):
    """Stop the reply to `turn`; the caller heard its first `heard_ms`."""

    type: Literal["cancel"] = "cancel"
    turn: Turn
    heard_ms: Millis


class Dtmf(Message):
    type: Literal["dtmf"] = "dtmf"
    digit: Annotated[str, Field(pattern=r"^[0-9A-D*#]$")]
    duration_ms: Annotated[int, Field(ge=0, le=60_000)]


class Hold(Message):
    """The phone is on hold, or back. From the gateway: put it on hold, or take it back."""

    type: Literal["hold"] = "hold"
    on: bool


class TransferProgress(Message):
    """How the transfer goes that the agent asked for; `failed` and `cancelled` are its end, and
    the phone is the agent's again."""

    type: Literal["transfer_progress"] = "transfer_progress"
    state: Literal["trying", "ringing", "answered", "failed", "cancelled"]
    code: Annotated[int, Field(ge=0, le=699)] = 0
    reason: Text = ""


class Playout(Message):
    """`played_ms` of the reply to `turn` have left for the phone."""

    type: Literal["playout"] = "playout"
    turn: Turn
    played_ms: Millis


class Close(Message):
    """The call is over. Either side's last message."""

    type: Literal["close"] = "close"
    reason: Text = ""


class Ping(Message):
    """Through a relay: is the gateway alive?"""

    type: Literal["ping"] = "ping"


# --- gateway to plugin -------------------------------------------------------------------


class Pong(Message):
    """It is."""

    type: Literal["pong"] = "pong"


class Opened(Message):
    """The agent takes the call."""

    type: Literal["opened"] = "opened"
    resume: Annotated[str, Field(max_length=64)] = ""
    """Shows that the call is the same one, after a break; empty: calls end with the connection."""
    resume_secs: Annotated[int, Field(ge=0, le=MAX_RESUME_SECS)] = 0
    sip_headers: SipHeaders = {}
    """Of the answer to an inbound call."""


class Resumed(Message):
    """The call goes on."""

    type: Literal["resumed"] = "resumed"
    received: Count
    """The plugin's messages taken so far, from its first `open`."""
    next_seq: Count
    """The uplink frame that is wanted next."""


class ReplyEnd(Message):
    """The reply to `turn` is complete and had `frames` frames."""

    type: Literal["reply_end"] = "reply_end"
    turn: Turn
    frames: Annotated[int, Field(ge=0, le=0xFFFF_FFFF)]


class Transcript(Message):
    type: Literal["transcript"] = "transcript"
    role: Literal["caller", "agent"]
    text: Annotated[str, Field(max_length=MAX_TRANSCRIPT)]
    turn: Turn
    final: bool


class Hangup(Message):
    """The agent asks the plugin to hang up the phone."""

    type: Literal["hangup"] = "hangup"
    reason: Text = ""
    sip_headers: SipHeaders = {}
    """Of the BYE."""


class Transfer(Message):
    """The agent asks for a transfer: a blind one, or one that begins with a call to the target."""

    type: Literal["transfer"] = "transfer"
    target: Annotated[str, Field(min_length=1, max_length=256)]
    attended: bool = False
    sip_headers: SipHeaders = {}
    """Of the REFER; of an attended transfer, of the call to the target."""


class CompleteTransfer(Message):
    """The call to the target of an attended transfer goes on with the phone."""

    type: Literal["complete_transfer"] = "complete_transfer"


class CancelTransfer(Message):
    """The call to the target of an attended transfer ends, and the phone is taken back."""

    type: Literal["cancel_transfer"] = "cancel_transfer"


class SendDtmf(Message):
    """The agent asks the plugin to press keys."""

    type: Literal["send_dtmf"] = "send_dtmf"
    digits: Annotated[str, Field(pattern=r"^[0-9A-D*#]{1,32}$")]


class ToolCall(Message):
    """The model has called a function; whoever answers it, the plugin need not."""

    type: Literal["tool_call"] = "tool_call"
    name: Name
    arguments: Annotated[str, Field(max_length=MAX_ARGUMENTS)] = ""
    turn: Turn


class Usage(Message):
    """What a reply cost the model, in tokens."""

    type: Literal["usage"] = "usage"
    turn: Turn
    input_tokens: Count
    output_tokens: Count
    details: Annotated[dict[Name, Count], Field(max_length=MAX_USAGE_DETAILS)] = {}


class Notice(Message):
    """Something went wrong at the agent, and the call goes on."""

    type: Literal["notice"] = "notice"
    code: Annotated[str, Field(pattern=r"^[a-z_]{1,64}$")]
    message: Annotated[str, Field(max_length=512)] = ""


class Error(Message):
    """The call cannot go on. The gateway's last message."""

    type: Literal["error"] = "error"
    code: Annotated[str, Field(pattern=r"^[a-z_]{1,64}$")]
    message: Annotated[str, Field(max_length=512)] = ""


FromPlugin = (
    Open
    | Answered
    | Prime
    | Commit
    | NoInput
    | Cancel
    | Dtmf
    | Hold
    | TransferProgress
    | Playout
    | Ping
    | Close
)
FromGateway = (
    Opened
    | Resumed
    | ReplyEnd
    | Transcript
    | Hangup
    | Transfer
    | CompleteTransfer
    | CancelTransfer
    | Hold
    | SendDtmf
    | ToolCall
    | Usage
    | Notice
    | Pong
    | Error
    | Close
)
