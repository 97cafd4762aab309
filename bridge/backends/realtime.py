"""The OpenAI Realtime protocol in its GA form, with turns owned by us. Core without I/O.

Here are the connection and the turns; replies are `speaking.py`'s. Rules: docs/gateway.md.
"""

from collections import Counter, deque

from bridge.backends import server_events as server
from bridge.backends.fields import Malformed
from bridge.backends.history import History
from bridge.backends.input_buffer import InputBuffer
from bridge.backends.interface import (
    BackendEvent,
    Expires,
    Failed,
    Lost,
    Message,
    Noticed,
    Ready,
    ReplyDone,
    Said,
)
from bridge.backends.outbox import Outbox
from bridge.backends.settings import Settings
from bridge.backends.speaking import Speaking

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


class RealtimeDialect:
    def __init__(self, settings: Settings) -> None:
        self.capabilities = settings.capabilities
        self.dropped: Counter[str] = Counter()
        self._settings = settings
        self._outbox = Outbox()
        max_turn_ms = int(settings.max_turn_secs * 1000)
        self._buffer = InputBuffer(
            settings.capabilities.input, settings.preroll_ms, max_turn_ms, self._outbox
        )
        self._history = History()
        self._speaking = Speaking(settings, self._outbox, self._history, self.dropped)
        self._last_turn = 0
        self._first_turn = 0
        """Where the turn began that may have been taken back since."""
        self._spoken_turn = False
        """The last turn was spoken by the caller, so that it can be taken back."""
        self._continued = False
        """The open turn is one whose commit was taken back."""
        self._news: deque[str] = deque(maxlen=32)
        """What the model is to be told."""
        self._session_by: float | None = None

    # --- the connection ----------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        return self._outbox.ready and self._speaking.turn is None and not self._buffer.open

    @property
    def deadline(self) -> float | None:
        times = (self._session_by, self._speaking.deadline)
        return min((t for t in times if t is not None), default=None)

    def connected(self, now: float) -> list[BackendEvent]:
        self._session_by = now + self._settings.session_timeout_secs
        self._outbox.reset()
        events = self._speaking.connected(now)
        self._buffer.reset(self._turn_unanswered)
        return events

    def take(self) -> list[Message]:
        return self._outbox.take()

    def expire(self, now: float) -> list[BackendEvent]:
        if self._session_by is not None and now >= self._session_by:
            self._session_by = None
            return [Lost("backend_timeout", "the server did not take the session's settings")]
        return self._speaking.expire(now)

    # --- the call ----------------------------------------------------------------------------

    def hear(self, data: bytes) -> None:
        self._buffer.hear(data)

    def answered(self, now: float) -> None:
        if self._settings.greeting is not None and self._last_turn == 0:
            self._speaking.begin(0, self._settings.greeting, now)
            self._speaking.ask(now)

    def prime(self, turn: int, now: float) -> None:
        if self._continued:
            return  # it is open already, and what was said before belongs to it
        self._buffer.begin(turn)

    def commit(self, turn: int, now: float) -> list[BackendEvent]:
        continued, self._continued = self._continued, False
        if not continued:
            self._first_turn = turn
        self._last_turn = turn
        self._spoken_turn = True
        self._buffer.close()
        self._speaking.begin(turn, None, now, continued)
        self._buffer.commit(turn)
        self._speaking.ask(now)
        return []

    def no_input(self, turn: int, now: float) -> list[BackendEvent]:
        self._last_turn = turn
        self._spoken_turn = False
        if self._settings.no_input:
            self._speaking.begin(turn, self._settings.no_input, now)
            self._speaking.ask(now)
            return []
        self._speaking.stop()
        return [ReplyDone(turn)]

    def cancel(self, turn: int, heard_ms: int, now: float) -> list[BackendEvent]:
        speaking = self._speaking.turn
        if speaking is not None and speaking <= turn:
            self._speaking.stop()
        events = self._speaking.cut(turn, heard_ms)
        if heard_ms == 0 and turn == self._last_turn and self._spoken_turn:
            self._continued = True
            self._buffer.go_on()
        return events

    def digit(self, digit: str) -> None:
        self._news.append(f"[The caller pressed the key {digit} on the phone.]")
        self._tell_news()

    def tell(self, words: str, turn: int | None, now: float) -> list[BackendEvent]:
        if turn is not None and self._speaking.turn is None and not self._buffer.open:
            self._spoken_turn = False
            self._speaking.go_on(turn, words, now)
            self._speaking.ask(now)
            return []
        self._news.append(words)
        self._tell_news()
        return [ReplyDone(turn)] if turn is not None else []

    def tool_done(self, call_id: str, output: str, reply: bool, now: float) -> list[BackendEvent]:
        return self._speaking.tool_done(call_id, output, reply, now)

    # --- what the server says ----------------------------------------------------------------

    def receive(self, message: Message, now: float) -> list[BackendEvent]:
        try:
            event = server.read(message)
            if event is None:
                return []
            return self._on_event(event, now)
        except Malformed as error:
            return [Lost("backend_protocol", f"{message.get('type')}: {error}")]

    def _on_event(self, event: server.ServerEvent, now: float) -> list[BackendEvent]:
        speaking = self._speaking
        match event:
            case server.Unknown():
                self.dropped["unknown_type"] += 1
            case server.AudioPiece():
                return speaking.on_audio(event, now)
            case server.WordsPiece():
                speaking.on_words(event)
            case server.WordsWhole():
                speaking.on_whole_words(event)
            case server.SessionBegan(expires_at=expires_at):
                self._outbox.send("session.update", 0, session=self._settings.session)
                return [Expires(expires_at)] if expires_at else []
            case server.SessionTaken():
                return self._on_session_taken(event, now)
            case server.ServerError():
                return self._on_error(event, now)
            case server.ResponseBegan(response_id=response_id):
                speaking.on_began(response_id, now)
            case server.FunctionNamed():
                speaking.on_function_named(event)
            case server.FunctionAsked():
                return speaking.on_function(event)
            case server.ResponseOver():
                return speaking.on_over(event, now)
            case server.AudioCommitted(item_id=item_id):
                self._buffer.committed(item_id)
            case server.CallerTranscribed(item_id=item_id, text=text):
                turn = self._buffer.turn_of(item_id)
                if turn is not None and text:
                    self._history.add("caller", turn, text)
                    return [Said("caller", text, turn, True)]
            case server.LimitsReached(names=names, reset_secs=reset_secs):
                speaking.limited(reset_secs, now)
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
        self._speaking.ask(now)
        ready: list[BackendEvent] = [Ready()]
        return [*ready, Expires(event.expires_at)] if event.expires_at else ready

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
            return self._speaking.on_refused(turn, event.code, why, now)
        if kind == "input_audio_buffer.commit":
            self._buffer.refused(turn)
        return [Noticed("backend_error", why)]

    # --- inside ------------------------------------------------------------------------------

    @property
    def _turn_unanswered(self) -> bool:
        """The last turn is the caller's, and nothing was said to it yet."""
        answering = self._speaking.turn == self._last_turn and self._spoken_turn
        return self._buffer.open or answering

    def _restore(self) -> None:
        """Tell a new connection what was said, and send what is owed to it."""
        unanswered = self._turn_unanswered
        for line in self._history.lines:
            caller = line.role == "caller"
            if not (unanswered and line.turn >= self._first_turn and caller):
                self._outbox.say(line.turn, "user" if caller else "assistant", line.text)
        self._tell_news()
        if self._buffer.open:
            self._buffer.feed()
        elif unanswered:
            self._buffer.commit(self._last_turn)
        self._speaking.restore()

    def _tell_news(self) -> None:
        while self._outbox.ready and self._news:
            self._outbox.say(self._last_turn, "user", self._news.popleft())
