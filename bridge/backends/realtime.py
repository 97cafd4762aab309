"""The OpenAI Realtime protocol in its GA form, with turns owned by us. Core without I/O.

Names of messages: the API reference of the Realtime API, and the typed models of the `openai`
package, which the tests hold both directions against. Rules: docs/gateway.md.
"""

import base64
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from bridge.backends import fields
from bridge.backends.fields import Malformed
from bridge.backends.history import History
from bridge.backends.interface import (
    AudioFormat,
    BackendEvent,
    Capabilities,
    Failed,
    Lost,
    Message,
    Noticed,
    Ready,
    ReplyDone,
    Said,
    Speech,
    ToolCalled,
    Used,
)
from bridge.backends.replies import Replies, Reply
from bridge.backends.turn_audio import TurnAudio

APPEND_MS = 100
"""Audio in one append: ten messages a second instead of fifty."""
SHORTEST_COMMIT_MS = 100
"""The server refuses to commit less."""
CANCELLED_WAIT = 3.0
"""How long the end of a cancelled response is waited for before the next is asked for."""
RETRY_WAIT = 0.5
"""After a response that failed, before it is asked for once more."""
MAX_NAMES = 64
"""Ids of the server and of ours that are remembered."""

FATAL = frozenset(
    {
        "invalid_api_key",
        "insufficient_quota",
        "model_not_found",
        "billing_hard_limit_reached",
        "account_deactivated",
    }
)
"""Errors that the next connection would meet too."""
GONE = frozenset({"session_expired", "server_shutting_down"})
"""Errors after which the server closes."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a dialect of this family differs in, and what is configured."""

    capabilities: Capabilities
    session: Message
    """The `session` of `session.update`."""
    greeting: str | None = None
    """Instructions of the first reply, made as soon as the phone is answered; None: none is."""
    no_input: str = ""
    """Instructions for when nobody has spoken for long; empty: nothing is said."""
    preroll_ms: int = 2500
    max_turn_secs: float = 120.0
    max_reply_secs: float = 110.0
    session_timeout_secs: float = 5.0
    reply_timeout_secs: float = 15.0


@dataclass(slots=True)
class RealtimeStats:
    ignored: int = 0
    """Messages of types that are not ours to handle."""
    fenced: int = 0
    """Audio of replies that were cancelled or superseded."""
    unsolicited: int = 0
    """Responses that nobody had asked for."""


class RealtimeDialect:
    def __init__(self, settings: Settings) -> None:
        self.capabilities = settings.capabilities
        self.stats = RealtimeStats()
        self._settings = settings
        self._in = settings.capabilities.input
        self._format: AudioFormat = settings.capabilities.output
        self._audio = TurnAudio(self._in, settings.preroll_ms, int(settings.max_turn_secs * 1000))
        self._history = History()
        self._replies = Replies()
        self._current: Reply | None = None
        """The reply that is being made."""
        self._wanted = False
        """A response for it is to be asked for."""
        self._last_turn = 0
        self._first_turn = 0
        """Where the turn began that may have been taken back since."""
        self._spoken_turn = False
        """The last turn was spoken by the caller, so that it can be taken back."""
        self._continued = False
        """The open turn is one whose commit was taken back."""
        self._digits: deque[str] = deque(maxlen=32)
        self._out: list[Message] = []
        self._ids = 0
        self._ready = False
        self._sent: OrderedDict[str, tuple[str, int]] = OrderedDict()
        """By event id, what was sent and for which turn: errors name it."""
        self._open: OrderedDict[str, None] = OrderedDict()
        """Responses that the server has begun and not ended."""
        self._asked: deque[int] = deque()
        """Turns of the responses asked for that the server has not begun."""
        self._appended = 0
        """Bytes in the server's input buffer."""
        self._committing: deque[int] = deque()
        self._turn_of_item: OrderedDict[str, int] = OrderedDict()
        self._name_of_item: OrderedDict[str, str] = OrderedDict()
        self._session_by: float | None = None
        self._reply_by: float | None = None
        self._clear_by: float | None = None
        """Until then the next response waits for the end of the one before."""
        self._retry_at: float | None = None
        """Before then a response that has failed is not asked for again."""
        self._handlers: dict[str, Callable[[Message, float], list[BackendEvent]]] = {
            "session.created": self._on_session_created,
            "session.updated": self._on_session_updated,
            "error": self._on_error,
            "response.created": self._on_created,
            "response.output_item.added": self._on_item,
            "response.output_audio.delta": self._on_audio,
            "response.audio.delta": self._on_audio,
            "response.output_audio_transcript.delta": self._on_words,
            "response.audio_transcript.delta": self._on_words,
            "response.function_call_arguments.done": self._on_function_call,
            "response.done": self._on_done,
            "input_audio_buffer.committed": self._on_committed,
            "conversation.item.input_audio_transcription.completed": self._on_transcript,
            "rate_limits.updated": self._on_rate_limits,
        }

    # --- the connection ----------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        return self._ready and self._current is None and not self._audio.open

    @property
    def deadline(self) -> float | None:
        times = (self._session_by, self._reply_by, self._clear_by, self._retry_at)
        return min((t for t in times if t is not None), default=None)

    def connected(self, now: float) -> list[BackendEvent]:
        self._ready = False
        self._session_by = now + self._settings.session_timeout_secs
        self._clear_by = self._retry_at = None
        self._out.clear()
        for names in (self._sent, self._open, self._asked, self._committing):
            names.clear()
        self._turn_of_item.clear()
        self._name_of_item.clear()
        self._appended = 0
        events: list[BackendEvent] = []
        reply = self._current
        if reply is not None and (reply.size or reply.calls_open or reply.follow_up):
            # To say it again from the beginning would be worse than to stop here.
            events += self._finish(reply)
        self._replies.forget_items()
        if self._current is not None:
            self._wanted = True
            self._reply_by = now + self._settings.reply_timeout_secs
        if self._turn_unanswered:
            self._audio.repeat()
        else:
            self._audio.forget()
        return events

    def take(self) -> list[Message]:
        out, self._out = self._out, []
        return out

    def expire(self, now: float) -> list[BackendEvent]:
        if self._session_by is not None and now >= self._session_by:
            self._session_by = None
            return [Lost("backend_timeout", "the server did not take the session's settings")]
        if self._reply_by is not None and now >= self._reply_by:
            self._reply_by = None
            return [Lost("backend_timeout", "the server does not go on with its reply")]
        if self._clear_by is not None and now >= self._clear_by:
            self._clear_by = None
            self._open.clear()
            self._asked.clear()
            self._ask(now)
        if self._retry_at is not None and now >= self._retry_at:
            self._retry_at = None
            self._ask(now)
        return []

    # --- the call ----------------------------------------------------------------------------

    def hear(self, data: bytes) -> None:
        self._audio.push(data)
        if self._audio.open:
            self._append(APPEND_MS * self._in.bytes_per_ms)

    def answered(self, now: float) -> None:
        if self._settings.greeting is not None and self._last_turn == 0:
            self._begin_reply(0, self._settings.greeting, now)

    def prime(self, turn: int, now: float) -> None:
        if self._continued:
            return  # it is open already, and what was said before belongs to it
        if self._audio.open and self._appended:
            # What was sent belongs to a turn that came to nothing.
            self._send("input_audio_buffer.clear", turn)
            self._appended = 0
        self._audio.begin()
        self._append(APPEND_MS * self._in.bytes_per_ms)

    def commit(self, turn: int, now: float) -> list[BackendEvent]:
        if not self._continued:
            self._first_turn = turn
        self._continued = False
        self._audio.commit()
        self._spoken_turn = True
        events = self._begin_reply(turn, None, now)
        self._commit_audio(turn)
        self._ask(now)
        return events

    def no_input(self, turn: int, now: float) -> list[BackendEvent]:
        self._spoken_turn = False
        if self._settings.no_input:
            return self._begin_reply(turn, self._settings.no_input, now)
        self._last_turn = turn
        return [*self._stop(), ReplyDone(turn)]

    def cancel(self, turn: int, heard_ms: int, now: float) -> list[BackendEvent]:
        events: list[BackendEvent] = []
        current = self._current
        if current is not None and current.turn <= turn:
            events += self._stop()
        reply = self._replies.get(turn)
        if reply is not None:
            events += self._cut(reply, heard_ms * self._format.bytes_per_ms)
        if heard_ms == 0 and turn == self._last_turn and self._spoken_turn:
            self._continued = True
            self._audio.go_on()
            self._append(APPEND_MS * self._in.bytes_per_ms)
        return events

    def digit(self, digit: str) -> None:
        self._digits.append(digit)
        self._tell_digits()

    def tool_done(self, call_id: str, output: str, reply: bool, now: float) -> list[BackendEvent]:
        asked = self._replies.calling(call_id)
        if asked is None:
            return []
        asked.calls_open.discard(call_id)
        asked.follow_up |= reply
        item = {"type": "function_call_output", "call_id": call_id, "output": output}
        self._send("conversation.item.create", asked.turn, item=item)
        if asked is self._current and asked.response_id not in self._open:
            return self._go_on(asked, now)
        return []

    # --- replies -----------------------------------------------------------------------------

    @property
    def _turn_unanswered(self) -> bool:
        current = self._current
        return self._audio.open or (
            current is not None and current.turn == self._last_turn and self._spoken_turn
        )

    def _begin_reply(self, turn: int, instructions: str | None, now: float) -> list[BackendEvent]:
        events = self._stop()
        self._last_turn = turn
        self._current = self._replies.begin(turn)
        self._current.instructions = instructions
        self._wanted = True
        self._reply_by = now + self._settings.reply_timeout_secs
        if instructions is not None:
            self._ask(now)
        return events

    def _ask(self, now: float) -> None:
        """Ask for the response that is wanted, once the server has ended the one before."""
        reply = self._current
        if not self._wanted or not self._ready or reply is None or self._retry_at is not None:
            return
        if self._open or self._asked:
            if self._clear_by is None:
                self._clear_by = now + CANCELLED_WAIT
            return
        self._wanted = False
        self._clear_by = None
        response: Message = {"metadata": {"turn": str(reply.turn)}}
        if reply.instructions:
            response["instructions"] = reply.instructions
        self._send("response.create", reply.turn, response=response)
        self._asked.append(reply.turn)

    def _stop(self) -> list[BackendEvent]:
        """Nobody wants the current reply any more."""
        reply, self._current = self._current, None
        self._wanted = False
        self._reply_by = self._clear_by = self._retry_at = None
        if reply is None:
            return []
        reply.done = True
        if reply.response_id in self._open:
            self._send("response.cancel", reply.turn, response_id=reply.response_id)
        elif reply.turn in self._asked:
            self._send("response.cancel", reply.turn)
        return []

    def _cut(self, reply: Reply, heard: int) -> list[BackendEvent]:
        """Tell the server how much of a reply was heard."""
        part = min(1.0, heard / reply.size) if reply.size else 0.0
        if self.capabilities.truncates:
            for item, item_heard in reply.unheard(heard):
                self._send(
                    "conversation.item.truncate",
                    reply.turn,
                    item_id=item.item_id,
                    content_index=item.content_index,
                    audio_end_ms=item_heard // self._format.bytes_per_ms,
                )
                item.size = item_heard
        words, reply.words = reply.words, ""
        if not words:
            self._history.cut(reply.turn, part)
            return []
        said = words[: int(len(words) * part)].strip()
        self._history.add("agent", reply.turn, said)
        return [Said("agent", said, reply.turn, True)] if said else []

    def _go_on(self, reply: Reply, now: float) -> list[BackendEvent]:
        """A response of the current reply has ended."""
        if reply.calls_open:
            self._reply_by = None  # whoever runs the functions has its own limit
            return []
        if reply.follow_up:
            reply.follow_up = False
            reply.response_id = ""
            self._wanted = True
            self._reply_by = now + self._settings.reply_timeout_secs
            self._ask(now)
            return []
        return self._finish(reply)

    def _finish(self, reply: Reply) -> list[BackendEvent]:
        events: list[BackendEvent] = []
        if reply.words.strip():
            self._history.add("agent", reply.turn, reply.words)
            events.append(Said("agent", reply.words.strip(), reply.turn, True))
            reply.words = ""
        reply.done = True
        if reply is self._current:
            self._current = None
            self._wanted = False
            self._reply_by = self._clear_by = self._retry_at = None
        return [*events, ReplyDone(reply.turn)]

    def _speaking(self, message: Message) -> Reply | None:
        """The current reply, if the message is of its response."""
        reply = self._current
        response_id = fields.text(message, "response_id")
        return reply if reply is not None and reply.response_id == response_id else None

    # --- messages of the server --------------------------------------------------------------

    def receive(self, message: Message, now: float) -> list[BackendEvent]:
        kind = message.get("type")
        if not isinstance(kind, str):
            return [Lost("backend_protocol", "a message without a type")]
        handler = self._handlers.get(kind)
        if handler is None:
            self.stats.ignored += 1
            return []
        try:
            return handler(message, now)
        except Malformed as error:
            return [Lost("backend_protocol", f"{kind}: {error}")]

    def _on_session_created(self, message: Message, now: float) -> list[BackendEvent]:
        self._send("session.update", 0, session=self._settings.session)
        return []

    def _on_session_updated(self, message: Message, now: float) -> list[BackendEvent]:
        if self._ready:
            return []
        session = fields.table(message, "session")
        heard = fields.maybe_table(fields.maybe_table(session, "audio"), "input")
        if heard.get("turn_detection") is not None:
            return [Failed("backend_turns", "the server insists on detecting turns itself")]
        self._ready = True
        self._session_by = None
        self._restore()
        self._ask(now)
        return [Ready()]

    def _restore(self) -> None:
        """Tell a new connection what was said, and send what is owed to it."""
        unanswered = self._turn_unanswered
        for line in self._history.lines:
            if unanswered and line.turn >= self._first_turn and line.role == "caller":
                continue
            caller = line.role == "caller"
            content = {"type": "input_text" if caller else "output_text", "text": line.text}
            item = {
                "type": "message",
                "role": "user" if caller else "assistant",
                "content": [content],
            }
            self._send("conversation.item.create", line.turn, item=item)
        self._tell_digits()
        if self._audio.open:
            self._append(APPEND_MS * self._in.bytes_per_ms)
        elif unanswered:
            self._commit_audio(self._last_turn)

    def _on_created(self, message: Message, now: float) -> list[BackendEvent]:
        response = fields.table(message, "response")
        response_id = fields.text(response, "id")
        self._remember(self._open, response_id, None)
        if not self._asked:
            self.stats.unsolicited += 1
            self._send("response.cancel", self._last_turn, response_id=response_id)
            return []
        turn = self._asked.popleft()
        reply = self._current
        if reply is not None and reply.turn == turn and not self._wanted:
            reply.response_id = response_id
            self._reply_by = now + self._settings.reply_timeout_secs
        return []  # otherwise it was cancelled when it was asked for

    def _on_item(self, message: Message, now: float) -> list[BackendEvent]:
        item = fields.table(message, "item")
        if item.get("type") == "function_call":
            self._remember(
                self._name_of_item, fields.text(item, "id"), fields.maybe_text(item, "name")
            )
        return []

    def _on_audio(self, message: Message, now: float) -> list[BackendEvent]:
        reply = self._speaking(message)
        if reply is None:
            self.stats.fenced += 1
            return []
        data = fields.audio(message, "delta" if "delta" in message else "audio")
        rate = fields.number(message, "sample_rate_hz") if "sample_rate_hz" in message else 0
        if rate and rate != self._format.rate_hz:
            raise Malformed(f"sample_rate_hz is not the {self._format.rate_hz} that was asked for")
        if not data:
            return []
        index = fields.number(message, "content_index") if "content_index" in message else 0
        reply.hear(fields.text(message, "item_id"), index, len(data))
        self._reply_by = now + self._settings.reply_timeout_secs
        events: list[BackendEvent] = [Speech(reply.turn, data, self._format)]
        limit = int(self._settings.max_reply_secs * 1000) * self._format.bytes_per_ms
        if reply.size > limit:
            self._send("response.cancel", reply.turn, response_id=reply.response_id)
            notice = f"a reply is longer than {self._settings.max_reply_secs:g} s, and was cut"
            events += [Noticed("backend_reply_too_long", notice), *self._finish(reply)]
        return events

    def _on_words(self, message: Message, now: float) -> list[BackendEvent]:
        reply = self._speaking(message)
        if reply is not None and len(reply.words) < 100_000:
            reply.words += fields.text(message, "delta")
        return []

    def _on_function_call(self, message: Message, now: float) -> list[BackendEvent]:
        reply = self._speaking(message)
        if reply is None:
            return []
        item_id = fields.maybe_text(message, "item_id")
        name = fields.maybe_text(message, "name") or self._name_of_item.get(item_id, "")
        call_id = fields.text(message, "call_id")
        if not name:
            raise Malformed("a function call without a name")
        if len(reply.calls_open) >= 16:
            raise Malformed("too many function calls at once")
        reply.calls_open.add(call_id)
        return [ToolCalled(call_id, name, fields.text(message, "arguments"), reply.turn)]

    def _on_done(self, message: Message, now: float) -> list[BackendEvent]:
        response = fields.table(message, "response")
        response_id = fields.text(response, "id")
        self._open.pop(response_id, None)
        events: list[BackendEvent] = []
        owner = self._replies.of(response_id)
        usage = fields.maybe_table(response, "usage")
        if usage:
            details = fields.counts(usage)
            used = (details.get("input_tokens", 0), details.get("output_tokens", 0))
            events.append(Used(owner.turn if owner else self._last_turn, *used, details))
        reply = self._current
        if reply is not None and reply.response_id == response_id:
            events += self._on_current_done(reply, response, now)
        self._ask(now)
        return events

    def _on_current_done(self, reply: Reply, response: Message, now: float) -> list[BackendEvent]:
        status = fields.maybe_text(response, "status")
        details = fields.maybe_table(response, "status_details")
        if status == "failed":
            error = fields.maybe_table(details, "error")
            code, why = fields.maybe_text(error, "code"), fields.maybe_text(error, "message")
            notice = Noticed("backend_response_failed", f"{code or 'no code'}: {why}")
            if reply.size or reply.retried:
                return [notice, *self._finish(reply)]
            reply.retried = True
            reply.response_id = ""
            self._wanted = True
            self._retry_at = now + RETRY_WAIT
            return [notice]
        if status == "incomplete":
            why = fields.maybe_text(details, "reason") or "no reason given"
            return [Noticed("backend_incomplete", why), *self._go_on(reply, now)]
        return self._go_on(reply, now)

    def _on_committed(self, message: Message, now: float) -> list[BackendEvent]:
        if self._committing:
            turn = self._committing.popleft()
            self._remember(self._turn_of_item, fields.text(message, "item_id"), turn)
        return []

    def _on_transcript(self, message: Message, now: float) -> list[BackendEvent]:
        words = fields.text(message, "transcript").strip()
        turn = self._turn_of_item.get(fields.text(message, "item_id"))
        if turn is None or not words:
            return []
        self._history.add("caller", turn, words)
        return [Said("caller", words, turn, True)]

    def _on_rate_limits(self, message: Message, now: float) -> list[BackendEvent]:
        limits = message.get("rate_limits")
        if not isinstance(limits, list):
            raise Malformed("rate_limits is no list")
        used_up = [
            fields.maybe_text(limit, "name")
            for limit in limits[:16]
            if isinstance(limit, dict) and limit.get("remaining") == 0
        ]
        if not used_up:
            return []
        return [Noticed("backend_rate_limited", f"nothing remains of: {', '.join(used_up)}")]

    def _on_error(self, message: Message, now: float) -> list[BackendEvent]:
        error = fields.table(message, "error")
        code = fields.maybe_text(error, "code") or fields.maybe_text(error, "type")
        why = f"{code}: {fields.maybe_text(error, 'message')}"
        kind, turn = self._sent.pop(fields.maybe_text(error, "event_id"), ("", 0))
        if code in FATAL or kind == "session.update":
            return [Failed("backend_refused", why)]
        if code in GONE:
            return [Lost("backend_lost", why)]
        raced = kind in ("response.cancel", "conversation.item.truncate")
        if raced or code == "response_cancel_not_active":
            # Both race with the end of the response; what was asked for is so already.
            return []
        if kind == "response.create":
            return self._on_create_refused(turn, code, why, now)
        if kind == "input_audio_buffer.commit" and turn in self._committing:
            self._committing.remove(turn)
        return [Noticed("backend_error", why)]

    def _on_create_refused(self, turn: int, code: str, why: str, now: float) -> list[BackendEvent]:
        self._asked = deque(asked for asked in self._asked if asked != turn)
        reply = self._current
        if reply is None or reply.turn != turn:
            return []
        if not reply.retried:
            reply.retried = True
            self._wanted = True
            self._retry_at = now + RETRY_WAIT
            if code == "conversation_already_has_active_response":
                return []
            return [Noticed("backend_error", why)]
        return [Noticed("backend_error", why), *self._finish(reply)]

    # --- messages for the server -------------------------------------------------------------

    def _send(self, kind: str, turn: int, **rest: object) -> str:
        if not self._ready and kind != "session.update":
            return ""
        self._ids += 1
        event_id = f"gw_{self._ids}"
        self._remember(self._sent, event_id, (kind, turn))
        self._out.append({"type": kind, "event_id": event_id, **rest})
        return event_id

    def _append(self, at_least: int) -> None:
        """Send owed audio in whole appends."""
        size = APPEND_MS * self._in.bytes_per_ms
        while self._ready and self._audio.owed >= max(at_least, 1):
            data = self._audio.take(size)
            self._appended += len(data)
            encoded = base64.b64encode(data).decode()
            self._out.append({"type": "input_audio_buffer.append", "audio": encoded})

    def _commit_audio(self, turn: int) -> None:
        if not self._ready:
            return
        self._append(1)
        if not self._appended:
            return  # nothing was said, and an empty buffer cannot be committed
        short = SHORTEST_COMMIT_MS * self._in.bytes_per_ms - self._appended
        if short > 0:
            silence = self._in.silence * (-(-short // self._in.bytes_per_ms))
            encoded = base64.b64encode(silence).decode()
            self._out.append({"type": "input_audio_buffer.append", "audio": encoded})
        self._send("input_audio_buffer.commit", turn)
        self._appended = 0
        self._committing.append(turn)

    def _tell_digits(self) -> None:
        while self._ready and self._digits:
            words = f"[The caller pressed the key {self._digits.popleft()} on the phone.]"
            item = {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": words}],
            }
            self._send("conversation.item.create", self._last_turn, item=item)

    @staticmethod
    def _remember(names: "OrderedDict[str, object]", name: str, value: object) -> None:
        names[name] = value
        while len(names) > MAX_NAMES:
            names.popitem(last=False)
