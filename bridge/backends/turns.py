"""vLLM-Omni's older realtime dialect: one generation a turn, begun while the caller speaks.

`commit` with `final: false` begins a generation, which reads audio until `commit` with
`final: true`. There is one at a time; it cannot be stopped but by closing the connection, it has
no id, and audio that is sent while it speaks is thrown away by the server. So audio is held back
until it is over, and what the model says before the turn is final waits here. Core without I/O.
"""

import base64
from collections import Counter
from dataclasses import dataclass

from bridge.backends import fields
from bridge.backends.fields import Malformed
from bridge.backends.interface import (
    AudioFormat,
    BackendEvent,
    Capabilities,
    Failed,
    Lost,
    Message,
    Noticed,
    Ready,
    Reconnect,
    ReplyDone,
    Said,
    Speech,
    Used,
)
from bridge.backends.turn_audio import TurnAudio

APPEND_MS = 100
MAX_WORDS = 100_000
RATES_HZ = (8000, 16_000, 24_000, 48_000)


@dataclass(frozen=True, slots=True)
class TurnsSettings:
    capabilities: Capabilities
    model: str
    preroll_ms: int = 2500
    max_turn_secs: float = 120.0
    max_reply_secs: float = 110.0
    session_timeout_secs: float = 5.0
    reply_timeout_secs: float = 15.0


class _Generation:
    """What the server makes of the turn that is being sent to it."""

    def __init__(self) -> None:
        self.turn: int | None = None
        """Known when the turn was committed; until then what it says is held."""
        self.fed = False
        """It has audio."""
        self.final = False
        """The server knows that the turn has ended."""
        self.held: list[tuple[bytes, AudioFormat]] = []
        self.milliseconds = 0.0
        self.words = ""
        self.usage: dict[str, int] = {}
        self.over = False


class TurnsDialect:
    def __init__(self, settings: TurnsSettings) -> None:
        self.capabilities = settings.capabilities
        self.dropped: Counter[str] = Counter()
        self._settings = settings
        self._in = settings.capabilities.input
        self._audio = TurnAudio(self._in, settings.preroll_ms, int(settings.max_turn_secs * 1000))
        self._generation: _Generation | None = None
        self._committed: int | None = None
        """A turn that is owed a reply."""
        self._last_turn = 0
        self._spoken_turn = False
        """The last turn was spoken by the caller, so that it can be taken back."""
        self._continued = False
        """The open turn is one whose commit was taken back."""
        self._out: list[Message] = []
        self._ready = False
        self._session_by: float | None = None
        self._reply_by: float | None = None

    # --- the connection ----------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        return self._ready and self._generation is None and not self._audio.open

    @property
    def deadline(self) -> float | None:
        times = (self._session_by, self._reply_by)
        return min((t for t in times if t is not None), default=None)

    def connected(self, now: float) -> list[BackendEvent]:
        self._ready = False
        self._out.clear()
        self._session_by = now + self._settings.session_timeout_secs
        generation, self._generation = self._generation, None
        events: list[BackendEvent] = []
        spoken = generation is not None and generation.milliseconds > 0
        if spoken and generation.turn is not None and generation.turn == self._committed:
            # To say it again from the beginning would be worse than to stop here.
            events.append(ReplyDone(generation.turn))
            self._committed = None
        self._reply_by = None
        if self._committed is not None:
            self._reply_by = now + self._settings.reply_timeout_secs
        if self._audio.open or self._committed is not None:
            self._audio.repeat()
        return events

    def take(self) -> list[Message]:
        out, self._out = self._out, []
        return out

    def expire(self, now: float) -> list[BackendEvent]:
        if self._session_by is not None and now >= self._session_by:
            self._session_by = None
            return [Lost("backend_timeout", "the server did not begin a session")]
        if self._reply_by is not None and now >= self._reply_by:
            self._reply_by = None
            return [Lost("backend_timeout", "the server does not go on with its reply")]
        return []

    # --- the call ----------------------------------------------------------------------------

    def hear(self, data: bytes) -> None:
        self._audio.push(data)
        if self._audio.open and self._generation is not None and not self._generation.final:
            self._append(APPEND_MS * self._in.bytes_per_ms)

    def answered(self, now: float) -> None:
        """It speaks only when spoken to."""

    def prime(self, turn: int, now: float) -> None:
        if self._continued:
            return  # it is open already, and what was said before belongs to it
        self._audio.begin()
        if self._generation is None or not self._generation.final:
            self._generate()

    def commit(self, turn: int, now: float) -> list[BackendEvent]:
        self._last_turn = turn
        self._spoken_turn = True
        self._continued = False
        self._audio.commit()
        self._reply_by = now + self._settings.reply_timeout_secs
        generation = self._generation
        self._committed = turn
        if generation is not None and generation.final:
            return [Reconnect()]  # it speaks for an older turn, and would throw this one away
        self._generate()
        generation = self._generation
        return self._release(generation, now) if generation is not None else []

    def no_input(self, turn: int, now: float) -> list[BackendEvent]:
        self._last_turn = turn
        self._spoken_turn = False
        return [ReplyDone(turn)]

    def cancel(self, turn: int, heard_ms: int, now: float) -> list[BackendEvent]:
        retracted = heard_ms == 0 and turn == self._last_turn and self._spoken_turn
        if self._committed is not None and self._committed <= turn:
            self._committed = None
            self._reply_by = None
        if retracted:
            self._continued = True
            self._audio.go_on()
            self._audio.repeat()  # each generation knows its own turn only
        generation = self._generation
        if generation is not None and generation.final:
            return [Reconnect()]
        if retracted:
            self._generate()
        return []

    def digit(self, digit: str) -> None:
        """There is no way to tell it."""

    def tell(self, words: str, turn: int | None, now: float) -> list[BackendEvent]:
        return [ReplyDone(turn)] if turn is not None else []

    def tool_done(self, call_id: str, output: str, reply: bool, now: float) -> list[BackendEvent]:
        return []

    # --- messages of the server --------------------------------------------------------------

    def receive(self, message: Message, now: float) -> list[BackendEvent]:
        try:
            match message.get("type"):
                case "session.created":
                    return self._on_session(now)
                case "response.audio.delta":
                    return self._on_audio(message, now)
                case "response.audio.done":
                    return self._on_done(now)
                case "transcription.delta" | "transcription.done":
                    self._on_words(message)
                case "error":
                    return self._on_error(message)
                case str():
                    self.dropped["unknown_type"] += 1
                case _:
                    return [Lost("backend_protocol", "a message without a type")]
        except Malformed as error:
            return [Lost("backend_protocol", f"{message.get('type')}: {error}")]
        return []

    def _on_session(self, now: float) -> list[BackendEvent]:
        self._ready = True
        self._session_by = None
        self._out.append({"type": "session.update", "model": self._settings.model})
        if self._audio.open or self._committed is not None:
            self._generate()
        return [Ready()]

    def _on_audio(self, message: Message, now: float) -> list[BackendEvent]:
        generation = self._generation
        data = fields.audio(message, "audio" if "audio" in message else "delta")
        rate = 24_000
        if "sample_rate_hz" in message:
            rate = fields.number(message, "sample_rate_hz")
        if rate not in RATES_HZ:
            raise Malformed("sample_rate_hz is none of 8000, 16000, 24000, 48000")
        if generation is None or not data:
            self.dropped["late_audio"] += 1
            return []
        format = AudioFormat("pcm16", rate)
        generation.held.append((data, format))
        generation.milliseconds += len(data) / format.bytes_per_ms
        if generation.milliseconds > self._settings.max_reply_secs * 1000:
            turn = self._committed
            self._committed, self._reply_by = None, None
            notice = f"a reply is longer than {self._settings.max_reply_secs:g} s, and was cut"
            events: list[BackendEvent] = [Noticed("backend_reply_too_long", notice)]
            if turn is not None:
                events.append(ReplyDone(turn))
            return [*events, Reconnect()]
        return self._release(generation, now)

    def _on_words(self, message: Message) -> None:
        generation = self._generation
        if generation is None:
            return
        if message["type"] == "transcription.done":
            generation.words = fields.text(message, "text")[:MAX_WORDS]
            generation.usage = fields.counts(fields.maybe_table(message, "usage"))
        elif len(generation.words) < MAX_WORDS:
            generation.words += fields.text(message, "delta")[:MAX_WORDS]

    def _on_done(self, now: float) -> list[BackendEvent]:
        generation = self._generation
        if generation is None:
            return []
        generation.over = True
        return self._release(generation, now)

    def _on_error(self, message: Message) -> list[BackendEvent]:
        why = str(message.get("error"))
        code = fields.loose_text(message, "code")
        if code in ("model_not_validated", "NotFoundError"):
            return [Failed("backend_refused", f"{code}: {why[:300]}")]
        return [Noticed("backend_error", f"{code}: {why[:300]}")]

    # --- inside ------------------------------------------------------------------------------

    def _generate(self) -> None:
        """Begin a generation if there can be one, and tell it what was said."""
        if not self._ready:
            return
        if self._generation is None:
            self._generation = _Generation()
            self._out.append({"type": "input_audio_buffer.commit", "final": False})
        generation = self._generation
        if generation.final:
            return
        self._append(APPEND_MS * self._in.bytes_per_ms)
        if self._committed is not None and not self._audio.open:
            self._append(1)
            if not generation.fed:  # nothing was said, which the server cannot take
                self._feed(self._in.silence * APPEND_MS)
            self._out.append({"type": "input_audio_buffer.commit", "final": True})
            generation.turn = self._committed
            generation.final = True

    def _append(self, at_least: int) -> None:
        while self._ready and self._audio.owed >= max(at_least, 1):
            self._feed(self._audio.take(APPEND_MS * self._in.bytes_per_ms))

    def _feed(self, data: bytes) -> None:
        if self._generation is not None:
            self._generation.fed = True
        encoded = base64.b64encode(data).decode()
        self._out.append({"type": "input_audio_buffer.append", "audio": encoded})

    def _release(self, generation: _Generation, now: float) -> list[BackendEvent]:
        """What it has said of a turn that is final, and its end."""
        if generation.turn is None:
            return []
        wanted = generation.turn == self._committed
        events: list[BackendEvent] = []
        if wanted:
            self._reply_by = now + self._settings.reply_timeout_secs
            events += [Speech(generation.turn, data, fmt) for data, fmt in generation.held]
        generation.held.clear()
        if not generation.over:
            return events
        self._generation = None
        if wanted:
            self._committed = None
            self._reply_by = None
            if words := generation.words.strip():
                events.append(Said("agent", words, generation.turn, True))
            usage = generation.usage
            if usage:
                used = (usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0))
                events.append(Used(generation.turn, *used, usage))
            events.append(ReplyDone(generation.turn))
        if self._audio.open:
            self._generate()  # the next turn was held back for this one
        return events
