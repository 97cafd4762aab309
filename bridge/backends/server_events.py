"""What a Realtime server says, read: typed events, or Malformed. Nothing is decided here.

Names of messages: the API reference of the Realtime API, and the typed models of the `openai`
package, which the tests hold both directions against.
"""

import json
from dataclasses import dataclass, field

from bridge.backends import fields
from bridge.backends.fields import Malformed
from bridge.backends.interface import Message

UNUSED = (
    "conversation.created",
    "conversation.item.",
    "input_audio_buffer.",
    "output_audio_buffer.",
    "response.content_part.",
    "response.function_call_arguments.delta",
    "response.output_",
    "response.audio.done",
    "response.text.",
)
"""Types that the API has, or had, and that tell nothing new here."""


@dataclass(frozen=True, slots=True)
class SessionBegan:
    expires_at: int
    """Unix time; 0 if the server does not tell."""


@dataclass(frozen=True, slots=True)
class SessionTaken:
    detects_turns: bool
    """The server insists on detecting turns itself."""
    expires_at: int


@dataclass(frozen=True, slots=True)
class ServerError:
    code: str
    message: str
    event_id: str
    """Of our message that it is about; empty if of none."""


@dataclass(frozen=True, slots=True)
class ResponseBegan:
    response_id: str


@dataclass(frozen=True, slots=True)
class FunctionNamed:
    """A function call begins in this item: later messages may name only the item."""

    item_id: str
    name: str


@dataclass(frozen=True, slots=True)
class AudioPiece:
    response_id: str
    item_id: str
    """Empty if the server does not tell."""
    content_index: int
    data: bytes
    rate_hz: int
    """0 if the server does not tell."""


@dataclass(frozen=True, slots=True)
class WordsPiece:
    """Of what the agent says."""

    response_id: str
    item_id: str
    text: str


@dataclass(frozen=True, slots=True)
class WordsWhole:
    """All words of an item: some servers tell them in one piece, at the end."""

    response_id: str
    item_id: str
    text: str


@dataclass(frozen=True, slots=True)
class FunctionAsked:
    response_id: str
    call_id: str
    item_id: str
    name: str
    """Empty where only the item was named."""
    arguments: str


@dataclass(frozen=True, slots=True)
class ResponseOver:
    response_id: str
    status: str
    reason: str
    """Why it is incomplete."""
    error_code: str
    error_message: str
    usage: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AudioCommitted:
    item_id: str


@dataclass(frozen=True, slots=True)
class CallerTranscribed:
    item_id: str
    text: str


@dataclass(frozen=True, slots=True)
class LimitsReached:
    """Nothing remains of these limits."""

    names: tuple[str, ...]
    reset_secs: float
    """Until the last of them is filled up again, as the server says."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message of a type that the API does not have: a server's own, or a newer one."""


ServerEvent = (
    Unknown
    | SessionBegan
    | SessionTaken
    | ServerError
    | ResponseBegan
    | FunctionNamed
    | AudioPiece
    | WordsPiece
    | WordsWhole
    | FunctionAsked
    | ResponseOver
    | AudioCommitted
    | CallerTranscribed
    | LimitsReached
)


def read(message: Message) -> ServerEvent | None:
    """None for a message that tells nothing new. Raises Malformed."""
    match message.get("type"):
        case "session.created":
            session = fields.maybe_table(message, "session")
            return SessionBegan(_expiry(session))
        case "session.updated":
            return _session_taken(message)
        case "error":
            return _error(message)
        case "response.created":
            return ResponseBegan(fields.text(fields.table(message, "response"), "id"))
        case "response.output_item.added":
            return _item(message)
        case "response.output_audio.delta" | "response.audio.delta":
            return _audio(message)
        case "response.output_audio_transcript.delta" | "response.audio_transcript.delta":
            return WordsPiece(*_whose(message), fields.text(message, "delta"))
        case "response.output_audio_transcript.done" | "response.audio_transcript.done":
            return WordsWhole(*_whose(message), fields.maybe_text(message, "transcript"))
        case "response.function_call_arguments.done":
            return _function(message)
        case "response.done":
            return _response_over(message)
        case "input_audio_buffer.committed":
            return AudioCommitted(fields.text(message, "item_id"))
        case "conversation.item.input_audio_transcription.completed":
            words = fields.text(message, "transcript").strip()
            return CallerTranscribed(fields.text(message, "item_id"), words)
        case "rate_limits.updated":
            return _limits(message)
        case str() as kind:
            return None if kind.startswith(UNUSED) else Unknown()
    raise Malformed("a message without a type")


def _expiry(session: Message) -> int:
    value = session.get("expires_at")
    known = isinstance(value, int) and not isinstance(value, bool)
    return value if known and 0 < value <= fields.MAX_COUNT else 0


def _session_taken(message: Message) -> SessionTaken:
    session = fields.maybe_table(message, "session")
    heard = fields.maybe_table(fields.maybe_table(session, "audio"), "input")
    # Where the API had it before GA, a server of that time shows that it has not understood us.
    places = (heard, session)
    detects = any(place.get("turn_detection") is not None for place in places)
    return SessionTaken(detects, _expiry(session))


def _error(message: Message) -> ServerError:
    told = message.get("error")
    error = told if isinstance(told, dict) else {"message": told}
    return ServerError(
        fields.loose_text(error, "code") or fields.loose_text(error, "type"),
        fields.loose_text(error, "message"),
        fields.loose_text(error, "event_id"),
    )


def _item(message: Message) -> FunctionNamed | None:
    item = fields.table(message, "item")
    if item.get("type") != "function_call":
        return None
    return FunctionNamed(fields.maybe_text(item, "id"), fields.maybe_text(item, "name"))


def _whose(message: Message) -> tuple[str, str]:
    return fields.text(message, "response_id"), fields.maybe_text(message, "item_id")


def _audio(message: Message) -> AudioPiece:
    return AudioPiece(
        *_whose(message),
        fields.maybe_number(message, "content_index"),
        fields.audio(message, "delta" if "delta" in message else "audio"),
        fields.maybe_number(message, "sample_rate_hz"),
    )


def _function(message: Message) -> FunctionAsked:
    arguments = message.get("arguments")
    return FunctionAsked(
        fields.text(message, "response_id"),
        fields.text(message, "call_id"),
        fields.maybe_text(message, "item_id"),
        fields.maybe_text(message, "name"),
        json.dumps(arguments)
        if isinstance(arguments, dict)
        else fields.maybe_text(message, "arguments"),
    )


def _response_over(message: Message) -> ResponseOver:
    response = fields.table(message, "response")
    details = fields.maybe_table(response, "status_details")
    error = fields.maybe_table(details, "error")
    return ResponseOver(
        fields.text(response, "id"),
        fields.maybe_text(response, "status"),
        fields.loose_text(details, "reason"),
        fields.loose_text(error, "code"),
        fields.loose_text(error, "message"),
        fields.counts(fields.maybe_table(response, "usage")),
    )


def _limits(message: Message) -> LimitsReached | None:
    limits = message.get("rate_limits")
    if not isinstance(limits, list):
        return None
    used_up = [
        limit for limit in limits[:16] if isinstance(limit, dict) and limit.get("remaining") == 0
    ]
    if not used_up:
        return None
    resets = [limit.get("reset_seconds") for limit in used_up]
    numbers = [r for r in resets if isinstance(r, int | float) and not isinstance(r, bool)]
    waits = [r for r in numbers if 0 <= r <= fields.MAX_COUNT]  # not NaN, which JSON can hold
    names = tuple(fields.loose_text(limit, "name") for limit in used_up)
    return LimitsReached(names, max(waits, default=0.0))
