"""The reply that a Realtime server makes: asked for, spoken, cut, tried again, finished.

At most one is wanted at a time. What the server says is fenced by response id, so audio of a reply
that was cancelled or superseded goes nowhere. Core without I/O.
"""

from collections import Counter, OrderedDict

from bridge.backends import server_events as server
from bridge.backends.asking import Asking
from bridge.backends.fields import Malformed, plain
from bridge.backends.history import History
from bridge.backends.interface import (
    AudioFormat,
    BackendEvent,
    Lost,
    Message,
    Noticed,
    ReplyDone,
    Said,
    Speech,
    ToolCalled,
    Used,
)
from bridge.backends.outbox import Outbox, message_item, remember
from bridge.backends.replies import Replies, Reply
from bridge.backends.settings import Settings
from bridge.backends.tools import MAX_ARGUMENTS
from bridge.backends.transferring import TAIL_MS

MAX_CALLS = 16
"""Function calls of a response."""
MAX_ROUNDS = 8
"""Responses in a row that only call functions; the caller hears nothing meanwhile."""
MAX_WORDS = 100_000
OPEN_ALREADY = "conversation_already_has_active_response"


class Speaking:
    def __init__(
        self, settings: Settings, outbox: Outbox, history: History, dropped: Counter[str]
    ) -> None:
        """`dropped`: of the dialect."""
        self._dropped = dropped
        self._settings = settings
        self._format: AudioFormat = settings.capabilities.output
        self._outbox = outbox
        self._history = history
        self._replies = Replies()
        self._asking = Asking()
        self._current: Reply | None = None
        """The reply that is being made."""
        self._last_turn = 0
        self._name_of_item: OrderedDict[str, object] = OrderedDict()
        self._reply_by: float | None = None

    @property
    def turn(self) -> int | None:
        """Whose reply is being made."""
        return self._current.turn if self._current is not None else None

    @property
    def deadline(self) -> float | None:
        times = (self._reply_by, self._asking.deadline)
        return min((t for t in times if t is not None), default=None)

    def expire(self, now: float) -> list[BackendEvent]:
        if self._reply_by is not None and now >= self._reply_by:
            self._reply_by = None
            return [Lost("backend_timeout", "the server does not go on with its reply")]
        if self._asking.expire(now):
            self.ask(now)
        return []

    def connected(self, now: float) -> list[BackendEvent]:
        """There is another connection: a reply that was being heard ends where it is."""
        self._asking.reset()
        self._name_of_item.clear()
        events: list[BackendEvent] = []
        reply = self._current
        if reply is not None and reply.spoke:
            # To say it again from the beginning would be worse than to stop here.
            events += self._finish(reply)
        self._replies.forget_items(self._current)
        if self._current is not None and self._current.calls_open:
            self._reply_by = None
        elif self._current is not None:
            self._current.follow_up = False
            self._want(now)
        return events

    def restore(self) -> None:
        """The new connection takes messages: tell it of the functions that were called in this
        turn, lest it calls them again, and of what it is to speak about."""
        for turn, item in self._replies.exchanges:
            self._outbox.send("conversation.item.create", turn, item=item)

    # --- what the call wants -----------------------------------------------------------------

    def begin(
        self, turn: int, instructions: str | None, now: float, continued: bool = False
    ) -> None:
        """A reply to `turn` is wanted, and none before it; `ask` asks for it. `continued`: the
        turn is one that was taken back, and went on."""
        self.stop()
        if not continued:
            self._replies.settle()
        self._last_turn = turn
        self._current = self._replies.begin(turn)
        self._current.instructions = instructions
        self._want(now)

    def go_on(self, turn: int, words: str, now: float) -> None:
        """The reply to `turn`, which was complete, goes on with a response to these words."""
        reply = self._replies.get(turn) or self._replies.begin(turn)
        reply.hear("", 0, TAIL_MS * self._format.bytes_per_ms if reply.size else 0)
        reply.begun = reply.size
        reply.retried = reply.calling = False
        reply.response_id, reply.instructions = "", None
        item = message_item("user", words)
        reply.exchanges.append(item)
        self._outbox.send("conversation.item.create", turn, item=item)
        self._history.settle(turn)
        self._last_turn = turn
        self._current = reply
        self._want(now)

    def ask(self, now: float) -> None:
        """Ask for the response that is wanted, once the server has ended the one before."""
        reply = self._current
        if reply is None or not self._outbox.ready or not self._asking.may_ask(now):
            return
        response: Message = {"metadata": {"turn": str(reply.turn)}}
        if reply.instructions:
            response["instructions"] = reply.instructions
        self._outbox.send("response.create", reply.turn, response=response)
        self._asking.asked(reply.turn)

    def stop(self) -> None:
        """Nobody wants the current reply any more."""
        reply, self._current = self._current, None
        self._asking.stop()
        self._reply_by = None
        if reply is None:
            return
        if self._asking.is_open(reply.response_id):
            self._outbox.send("response.cancel", reply.turn, response_id=reply.response_id)
        elif self._asking.is_asked(reply.turn):
            self._outbox.send("response.cancel", reply.turn)

    def cut(self, turn: int, heard_ms: int) -> list[BackendEvent]:
        """Tell the server how much of the reply to `turn` was heard."""
        reply = self._replies.get(turn)
        if reply is None:
            return []
        heard = heard_ms * self._format.bytes_per_ms
        size = reply.size - reply.begun
        part = min(1.0, max(0.0, (heard - reply.begun) / size)) if size else 0.0
        if self._settings.capabilities.truncates:
            for item, item_heard in reply.unheard(heard):
                if not item.item_id:
                    continue  # the server has not told how to name it
                self._outbox.send(
                    "conversation.item.truncate",
                    reply.turn,
                    item_id=item.item_id,
                    content_index=item.content_index,
                    audio_end_ms=item_heard // self._format.bytes_per_ms,
                )
                item.size = item_heard
        words, reply.words = plain(reply.words), ""
        if not words:
            self._history.cut(reply.turn, part)
            return []
        said = words[: int(len(words) * part)].strip()
        self._history.add("agent", reply.turn, said)
        return [Said("agent", said, reply.turn, True)] if said else []

    def tool_done(self, call_id: str, output: str, reply: bool, now: float) -> list[BackendEvent]:
        asked = self._replies.calling(call_id)
        if asked is None:
            return []
        asked.calls_open.discard(call_id)
        asked.follow_up |= reply
        item: Message = {"type": "function_call_output", "call_id": call_id, "output": output}
        if asked.exchanges:
            asked.exchanges.append(item)
        self._outbox.send("conversation.item.create", asked.turn, item=item)
        if asked is self._current and not self._asking.is_open(asked.response_id):
            return self._go_on(asked, now)
        return []

    # --- what the server says ----------------------------------------------------------------

    def on_began(self, response_id: str, now: float) -> None:
        turn = self._asking.began(response_id)
        if turn is None:
            self._dropped["unsolicited"] += 1
            self._outbox.send("response.cancel", self._last_turn, response_id=response_id)
            return
        reply = self._current
        # Otherwise it was cancelled when it was asked for.
        if reply is not None and reply.turn == turn and not self._asking.wanted:
            reply.response_id = response_id
            self._reply_by = now + self._settings.reply_timeout_secs

    def on_words(self, event: server.WordsPiece) -> None:
        reply = self._speaking(event.response_id)
        if reply is not None and len(reply.words) < MAX_WORDS:
            reply.words += event.text
            reply.worded = event.item_id

    def on_whole_words(self, event: server.WordsWhole) -> None:
        """Of use where the server has not told them piece by piece."""
        reply = self._speaking(event.response_id)
        if reply is not None and reply.worded != event.item_id:
            reply.words = f"{reply.words} {event.text}"[:MAX_WORDS]
            reply.worded = event.item_id

    def on_audio(self, event: server.AudioPiece, now: float) -> list[BackendEvent]:
        """Raises Malformed."""
        reply = self._speaking(event.response_id)
        if reply is None:
            self._dropped["late_audio"] += 1
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

    def on_function_named(self, event: server.FunctionNamed) -> None:
        remember(self._name_of_item, event.item_id, event.name)

    def on_function(self, event: server.FunctionAsked) -> list[BackendEvent]:
        """Raises Malformed."""
        reply = self._speaking(event.response_id)
        if reply is None:
            return []
        name = event.name or str(self._name_of_item.get(event.item_id, ""))
        if not name:
            raise Malformed("a function call without a name")
        if len(reply.calls_open) >= MAX_CALLS:
            raise Malformed("too many function calls at once")
        reply.calls_open.add(event.call_id)
        reply.calling = True
        long = len(event.arguments) > MAX_ARGUMENTS  # it will not be run
        called = {"name": name, "arguments": "{}" if long else event.arguments}
        item: Message = {"type": "function_call", "call_id": event.call_id, **called}
        reply.exchanges.append(item)
        return [ToolCalled(event.call_id, name, event.arguments, reply.turn)]

    def on_over(self, event: server.ResponseOver, now: float) -> list[BackendEvent]:
        self._asking.ended(event.response_id)
        events: list[BackendEvent] = []
        if usage := event.usage:
            owner = self._replies.of(event.response_id)
            used = (usage.get("input_tokens", 0), usage.get("output_tokens", 0))
            events.append(Used(owner.turn if owner else self._last_turn, *used, usage))
        reply = self._speaking(event.response_id)
        if reply is not None:
            events += self._on_current_over(reply, event, now)
        self.ask(now)
        return events

    def on_refused(self, turn: int, code: str, why: str, now: float) -> list[BackendEvent]:
        """The server did not begin the response to `turn`."""
        self._asking.refused(turn)
        reply = self._current
        if reply is None or reply.turn != turn:
            return []
        notice: list[BackendEvent] = [Noticed("backend_error", why)]
        if self._try_again(reply, now):
            return [] if code == OPEN_ALREADY else notice
        return [*notice, *self._finish(reply)]

    def limited(self, secs: float, now: float) -> None:
        """The server has nothing left for so long."""
        self._asking.limited(secs, now)

    # --- inside ------------------------------------------------------------------------------

    def _want(self, now: float) -> None:
        self._asking.wanted = True
        self._reply_by = now + self._settings.reply_timeout_secs

    def _speaking(self, response_id: str) -> Reply | None:
        """The current reply, if this is its response."""
        reply = self._current
        return reply if reply is not None and reply.response_id == response_id else None

    def _on_current_over(
        self, reply: Reply, event: server.ResponseOver, now: float
    ) -> list[BackendEvent]:
        if event.status == "failed":
            why = f"{event.error_code or 'no code'}: {event.error_message}"
            limited = event.error_code == "rate_limit_exceeded"
            code = "backend_rate_limited" if limited else "backend_response_failed"
            events = [] if self._try_again(reply, now) else self._go_on(reply, now)
            return [Noticed(code, why), *events]
        events = self._go_on(reply, now)
        if event.status == "incomplete":
            return [Noticed("backend_incomplete", event.reason or "no reason given"), *events]
        return events

    def _go_on(self, reply: Reply, now: float) -> list[BackendEvent]:
        """A response of the current reply has ended."""
        if reply.calls_open:
            self._reply_by = None  # whoever runs the functions has its own limit
            return []
        if reply.follow_up and reply.rounds >= MAX_ROUNDS:
            why = f"over {MAX_ROUNDS} rounds of function calls"
            return [Noticed("backend_error", why), *self._finish(reply)]
        if reply.follow_up:
            reply.rounds += 1
            reply.follow_up = reply.calling = False
            reply.response_id = ""
            self._want(now)
            self.ask(now)
            return []
        self._replies.settle()
        return self._finish(reply)

    def _finish(self, reply: Reply) -> list[BackendEvent]:
        events: list[BackendEvent] = []
        if words := plain(reply.words).strip():
            self._history.add("agent", reply.turn, words)
            events.append(Said("agent", words, reply.turn, True))
            reply.words = ""
        if reply is self._current:
            self._current = None
            self._asking.stop()
            self._reply_by = None
        return [*events, ReplyDone(reply.turn)]

    def _try_again(self, reply: Reply, now: float) -> bool:
        """Once, if nothing of it was heard, and nothing was done for it."""
        if reply.spoke or reply.calling or reply.retried:
            return False
        reply.retried = True
        reply.response_id = ""
        self._asking.retry(now)
        return True
