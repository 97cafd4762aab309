"""The OpenAI Realtime protocol in its GA form, with turns owned by us. Core without I/O.

Rules: docs/gateway.md.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass

from bridge.backends import server_events as server
from bridge.backends.asking import Asking
from bridge.backends.fields import Malformed
from bridge.backends.history import History
from bridge.backends.input_buffer import InputBuffer
from bridge.backends.interface import (
    AudioFormat,
    BackendEvent,
    Capabilities,
    Expires,
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
from bridge.backends.outbox import Outbox, remember
from bridge.backends.replies import Replies, Reply

MAX_CALLS = 16
"""Function calls of a response."""
MAX_WORDS = 100_000

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
        self._format: AudioFormat = settings.capabilities.output
        self._outbox = Outbox()
        max_turn_ms = int(settings.max_turn_secs * 1000)
        self._buffer = InputBuffer(
            settings.capabilities.input, settings.preroll_ms, max_turn_ms, self._outbox
        )
        self._history = History()
        self._replies = Replies()
        self._asking = Asking()
        self._current: Reply | None = None
        """The reply that is being made."""
        self._last_turn = 0
        self._first_turn = 0
        """Where the turn began that may have been taken back since."""
        self._spoken_turn = False
        """The last turn was spoken by the caller, so that it can be taken back."""
        self._continued = False
        """The open turn is one whose commit was taken back."""
        self._digits: deque[str] = deque(maxlen=32)
        self._name_of_item: OrderedDict[str, object] = OrderedDict()
        self._session_by: float | None = None
        self._reply_by: float | None = None

    # --- the connection ----------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        return self._outbox.ready and self._current is None and not self._buffer.open

    @property
    def deadline(self) -> float | None:
        times = (self._session_by, self._reply_by, self._asking.deadline)
        return min((t for t in times if t is not None), default=None)

    def connected(self, now: float) -> list[BackendEvent]:
        self._session_by = now + self._settings.session_timeout_secs
        self._outbox.reset()
        self._asking.reset()
        self._name_of_item.clear()
        events: list[BackendEvent] = []
        reply = self._current
        if reply is not None and (reply.size or reply.calls_open or reply.follow_up):
            # To say it again from the beginning would be worse than to stop here.
            events += self._finish(reply)
        self._replies.forget_items()
        if self._current is not None:
            self._asking.wanted = True
            self._reply_by = now + self._settings.reply_timeout_secs
        self._buffer.reset(self._turn_unanswered)
        return events

    def take(self) -> list[Message]:
        return self._outbox.take()

    def expire(self, now: float) -> list[BackendEvent]:
        if self._session_by is not None and now >= self._session_by:
            self._session_by = None
            return [Lost("backend_timeout", "the server did not take the session's settings")]
        if self._reply_by is not None and now >= self._reply_by:
            self._reply_by = None
            return [Lost("backend_timeout", "the server does not go on with its reply")]
        if self._asking.expire(now):
            self._ask(now)
        return []

    # --- the call ----------------------------------------------------------------------------

    def hear(self, data: bytes) -> None:
        self._buffer.hear(data)

    def answered(self, now: float) -> None:
        if self._settings.greeting is not None and self._last_turn == 0:
            self._begin_reply(0, self._settings.greeting, now)

    def prime(self, turn: int, now: float) -> None:
        if self._continued:
            return  # it is open already, and what was said before belongs to it
        self._buffer.begin(turn)

    def commit(self, turn: int, now: float) -> list[BackendEvent]:
        if not self._continued:
            self._first_turn = turn
        self._continued = False
        self._buffer.close()
        self._spoken_turn = True
        events = self._begin_reply(turn, None, now)
        self._buffer.commit(turn)
        self._ask(now)
        return events

    def no_input(self, turn: int, now: float) -> list[BackendEvent]:
        self._spoken_turn = False
        if self._settings.no_input:
            return self._begin_reply(turn, self._settings.no_input, now)
        self._last_turn = turn
        self._stop()
        return [ReplyDone(turn)]

    def cancel(self, turn: int, heard_ms: int, now: float) -> list[BackendEvent]:
        events: list[BackendEvent] = []
        current = self._current
        if current is not None and current.turn <= turn:
            self._stop()
        reply = self._replies.get(turn)
        if reply is not None:
            events += self._cut(reply, heard_ms * self._format.bytes_per_ms)
        if heard_ms == 0 and turn == self._last_turn and self._spoken_turn:
            self._continued = True
            self._buffer.go_on()
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
        self._outbox.send("conversation.item.create", asked.turn, item=item)
        if asked is self._current and not self._asking.is_open(asked.response_id):
            return self._go_on(asked, now)
        return []

    # --- replies -----------------------------------------------------------------------------

    @property
    def _turn_unanswered(self) -> bool:
        current = self._current
        return self._buffer.open or (
            current is not None and current.turn == self._last_turn and self._spoken_turn
        )

    def _begin_reply(self, turn: int, instructions: str | None, now: float) -> list[BackendEvent]:
        self._stop()
        self._last_turn = turn
        self._current = self._replies.begin(turn)
        self._current.instructions = instructions
        self._asking.wanted = True
        self._reply_by = now + self._settings.reply_timeout_secs
        if instructions is not None:
            self._ask(now)
        return []

    def _ask(self, now: float) -> None:
        """Ask for the response that is wanted, once the server has ended the one before."""
        reply = self._current
        if reply is None or not self._outbox.ready or not self._asking.may_ask(now):
            return
        response: Message = {"metadata": {"turn": str(reply.turn)}}
        if reply.instructions:
            response["instructions"] = reply.instructions
        self._outbox.send("response.create", reply.turn, response=response)
        self._asking.asked(reply.turn)

    def _stop(self) -> None:
        """Nobody wants the current reply any more."""
        reply, self._current = self._current, None
        self._asking.stop()
        self._reply_by = None
        if reply is None:
            return
        reply.done = True
        if self._asking.is_open(reply.response_id):
            self._outbox.send("response.cancel", reply.turn, response_id=reply.response_id)
        elif self._asking.is_asked(reply.turn):
            self._outbox.send("response.cancel", reply.turn)

    def _cut(self, reply: Reply, heard: int) -> list[BackendEvent]:
        """Tell the server how much of a reply was heard."""
        part = min(1.0, heard / reply.size) if reply.size else 0.0
        if self.capabilities.truncates:
            for item, item_heard in reply.unheard(heard):
                self._outbox.send(
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
            self._asking.wanted = True
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
            self._asking.stop()
            self._reply_by = None
        return [*events, ReplyDone(reply.turn)]

    def _try_again(self, reply: Reply, now: float) -> bool:
        """Once, if nothing of it was heard."""
        if reply.size or reply.retried:
            return False
        reply.retried = True
        reply.response_id = ""
        self._asking.retry(now)
        return True

    # --- what the server says ----------------------------------------------------------------

    def receive(self, message: Message, now: float) -> list[BackendEvent]:
        try:
            event = server.read(message)
            if event is None:
                self.stats.ignored += 1
                return []
            return self._on_event(event, now)
        except Malformed as error:
            return [Lost("backend_protocol", f"{message.get('type')}: {error}")]

    def _on_event(self, event: server.ServerEvent, now: float) -> list[BackendEvent]:
        match event:
            case server.AudioPiece():
                return self._on_audio(event, now)
            case server.WordsPiece(response_id=response_id, text=text):
                reply = self._speaking(response_id)
                if reply is not None and len(reply.words) < MAX_WORDS:
                    reply.words += text
            case server.SessionBegan(expires_at=expires_at):
                self._outbox.send("session.update", 0, session=self._settings.session)
                return [Expires(expires_at)] if expires_at else []
            case server.SessionTaken():
                return self._on_session_taken(event, now)
            case server.ServerError():
                return self._on_error(event, now)
            case server.ResponseBegan(response_id=response_id):
                self._on_began(response_id, now)
            case server.FunctionNamed(item_id=item_id, name=name):
                remember(self._name_of_item, item_id, name)
            case server.FunctionAsked():
                return self._on_function(event)
            case server.ResponseOver():
                return self._on_over(event, now)
            case server.AudioCommitted(item_id=item_id):
                self._buffer.committed(item_id)
            case server.CallerTranscribed(item_id=item_id, text=text):
                turn = self._buffer.turn_of(item_id)
                if turn is not None and text:
                    self._history.add("caller", turn, text)
                    return [Said("caller", text, turn, True)]
            case server.LimitsReached(names=names, reset_secs=reset_secs):
                self._asking.limited(reset_secs, now)
                return [Noticed("backend_rate_limited", f"nothing remains of: {', '.join(names)}")]
        return []

    def _on_session_taken(self, event: server.SessionTaken, now: float) -> list[BackendEvent]:
        if self._outbox.ready:
            return []
        if event.detects_turns:
            return [Failed("backend_turns", "the server insists on detecting turns itself")]
        self._outbox.ready = True
        self._session_by = None
        self._restore()
        self._ask(now)
        ready: list[BackendEvent] = [Ready()]
        return [*ready, Expires(event.expires_at)] if event.expires_at else ready

    def _restore(self) -> None:
        """Tell a new connection what was said, and send what is owed to it."""
        unanswered = self._turn_unanswered
        for line in self._history.lines:
            caller = line.role == "caller"
            if not (unanswered and line.turn >= self._first_turn and caller):
                self._outbox.say(line.turn, "user" if caller else "assistant", line.text)
        self._tell_digits()
        if self._buffer.open:
            self._buffer.feed()
        elif unanswered:
            self._buffer.commit(self._last_turn)

    def _on_began(self, response_id: str, now: float) -> None:
        turn = self._asking.began(response_id)
        if turn is None:
            self.stats.unsolicited += 1
            self._outbox.send("response.cancel", self._last_turn, response_id=response_id)
            return
        reply = self._current
        # Otherwise it was cancelled when it was asked for.
        if reply is not None and reply.turn == turn and not self._asking.wanted:
            reply.response_id = response_id
            self._reply_by = now + self._settings.reply_timeout_secs

    def _speaking(self, response_id: str) -> Reply | None:
        """The current reply, if this is its response."""
        reply = self._current
        return reply if reply is not None and reply.response_id == response_id else None

    def _on_audio(self, event: server.AudioPiece, now: float) -> list[BackendEvent]:
        reply = self._speaking(event.response_id)
        if reply is None:
            self.stats.fenced += 1
            return []
        if event.rate_hz and event.rate_hz != self._format.rate_hz:
            raise Malformed(f"sample_rate_hz is not the {self._format.rate_hz} that was asked for")
        if not event.data:
            return []
        reply.hear(event.item_id, event.content_index, len(event.data))
        self._reply_by = now + self._settings.reply_timeout_secs
        events: list[BackendEvent] = [Speech(reply.turn, event.data, self._format)]
        limit = int(self._settings.max_reply_secs * 1000) * self._format.bytes_per_ms
        if reply.size > limit:
            self._outbox.send("response.cancel", reply.turn, response_id=reply.response_id)
            notice = f"a reply is longer than {self._settings.max_reply_secs:g} s, and was cut"
            events += [Noticed("backend_reply_too_long", notice), *self._finish(reply)]
        return events

    def _on_function(self, event: server.FunctionAsked) -> list[BackendEvent]:
        reply = self._speaking(event.response_id)
        if reply is None:
            return []
        name = event.name or str(self._name_of_item.get(event.item_id, ""))
        if not name:
            raise Malformed("a function call without a name")
        if len(reply.calls_open) >= MAX_CALLS:
            raise Malformed("too many function calls at once")
        reply.calls_open.add(event.call_id)
        return [ToolCalled(event.call_id, name, event.arguments, reply.turn)]

    def _on_over(self, event: server.ResponseOver, now: float) -> list[BackendEvent]:
        self._asking.ended(event.response_id)
        events: list[BackendEvent] = []
        if usage := event.usage:
            owner = self._replies.of(event.response_id)
            used = (usage.get("input_tokens", 0), usage.get("output_tokens", 0))
            events.append(Used(owner.turn if owner else self._last_turn, *used, usage))
        reply = self._speaking(event.response_id)
        if reply is not None:
            events += self._on_current_over(reply, event, now)
        self._ask(now)
        return events

    def _on_current_over(
        self, reply: Reply, event: server.ResponseOver, now: float
    ) -> list[BackendEvent]:
        if event.status == "failed":
            why = f"{event.error_code or 'no code'}: {event.error_message}"
            limited = event.error_code == "rate_limit_exceeded"
            code = "backend_rate_limited" if limited else "backend_response_failed"
            again = self._try_again(reply, now)
            return [Noticed(code, why), *([] if again else self._finish(reply))]
        events = self._go_on(reply, now)
        if event.status == "incomplete":
            return [Noticed("backend_incomplete", event.reason or "no reason given"), *events]
        return events

    def _on_error(self, event: server.ServerError, now: float) -> list[BackendEvent]:
        why = f"{event.code}: {event.message}"
        kind, turn = self._outbox.cause(event.event_id)
        if event.code in FATAL or kind == "session.update":
            return [Failed("backend_refused", why)]
        if event.code in GONE:
            return [Lost("backend_lost", why)]
        raced = kind in ("response.cancel", "conversation.item.truncate")
        if raced or event.code == "response_cancel_not_active":
            # Both race with the end of the response; what was asked for is so already.
            return []
        if kind == "response.create":
            return self._on_create_refused(turn, event.code, why, now)
        if kind == "input_audio_buffer.commit":
            self._buffer.refused(turn)
        return [Noticed("backend_error", why)]

    def _on_create_refused(self, turn: int, code: str, why: str, now: float) -> list[BackendEvent]:
        self._asking.refused(turn)
        reply = self._current
        if reply is None or reply.turn != turn:
            return []
        notice: list[BackendEvent] = [Noticed("backend_error", why)]
        if self._try_again(reply, now):
            return [] if code == "conversation_already_has_active_response" else notice
        return [*notice, *self._finish(reply)]

    def _tell_digits(self) -> None:
        while self._outbox.ready and self._digits:
            words = f"[The caller pressed the key {self._digits.popleft()} on the phone.]"
            self._outbox.say(self._last_turn, "user", words)
