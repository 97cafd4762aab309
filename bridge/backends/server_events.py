"""What a Realtime server says, read: typed events, or Malformed. Nothing is decided here.

Names of messages: the API reference of the Realtime API, and the typed models of the `openai`
package, which the tests hold both directions against.
"""

from dataclasses import dataclass, field

from bridge.backends import fields
from bridge.backends.fields import Malformed
from bridge.backends.interface import Message


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
    content_index: int
    data: bytes
    rate_hz: int
    """0 if the server does not tell."""


@dataclass(frozen=True, slots=True)
class WordsPiece:
    response_id: str
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


ServerEvent = (
    SessionBegan
    | SessionTaken
    | ServerError
    | ResponseBegan
    | FunctionNamed
    | AudioPiece
    | WordsPiece
    | FunctionAsked
    | ResponseOver
    | AudioCommitted
    | CallerTranscribed
    | LimitsReached
)


def read(message: Message) -> ServerEvent | None:
    """None for a message that is not ours to handle. Raises Malformed."""
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
            return WordsPiece(fields.text(message, "response_id"), fields.text(message, "delta"))
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
        case str():
            return None
    raise Malformed("a message without a type")


def _expiry(session: Message) -> int:
    value = session.get("expires_at")
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _session_taken(message: Message) -> SessionTaken:
    session = fields.table(message, "session")
    heard = fields.maybe_table(fields.maybe_table(session, "audio"), "input")
    return SessionTaken(heard.get("turn_detection") is not None, _expiry(session))


def _error(message: Message) -> ServerError:
    error = fields.table(message, "error")
    return ServerError(
        fields.maybe_text(error, "code") or fields.maybe_text(error, "type"),
        fields.maybe_text(error, "message"),
        fields.maybe_text(error, "event_id"),
    )


def _item(message: Message) -> FunctionNamed | None:
    item = fields.table(message, "item")
    if item.get("type") != "function_call":
        return None
    return FunctionNamed(fields.text(item, "id"), fields.maybe_text(item, "name"))


def _audio(message: Message) -> AudioPiece:
    return AudioPiece(
        fields.text(message, "response_id"),
        fields.text(message, "item_id"),
        fields.number(message, "content_index") if "content_index" in message else 0,
        fields.audio(message, "delta" if "delta" in message else "audio"),
        fields.number(message, "sample_rate_hz") if "sample_rate_hz" in message else 0,
    )


def _function(message: Message) -> FunctionAsked:
    return FunctionAsked(
        fields.text(message, "response_id"),
        fields.text(message, "call_id"),
        fields.maybe_text(message, "item_id"),
        fields.maybe_text(message, "name"),
        fields.text(message, "arguments"),
    )


def _response_over(message: Message) -> ResponseOver:
    response = fields.table(message, "response")
    details = fields.maybe_table(response, "status_details")
    error = fields.maybe_table(details, "error")
    return ResponseOver(
        fields.text(response, "id"),
        fields.maybe_text(response, "status"),
        fields.maybe_text(details, "reason"),
        fields.maybe_text(error, "code"),
        fields.maybe_text(error, "message"),
        fields.counts(fields.maybe_table(response, "usage")),
    )


def _limits(message: Message) -> LimitsReached | None:
    limits = message.get("rate_limits")
    if not isinstance(limits, list):
        raise Malformed("rate_limits is no list")
    used_up = [
        limit for limit in limits[:16] if isinstance(limit, dict) and limit.get("remaining") == 0
    ]
    if not used_up:
        return None
    resets = [limit.get("reset_seconds") for limit in used_up]
    waits = [r for r in resets if isinstance(r, int | float) and not isinstance(r, bool)]
    names = tuple(fields.maybe_text(limit, "name") for limit in used_up)
    return LimitsReached(names, max(waits, default=0.0))
