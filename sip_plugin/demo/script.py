"""The scripted caller: it decides from what it hears what to say next, and when.

No I/O and no clock: `Caller.step` is one 20 ms frame, and the caller's sample clock is the number
of frames so far. Every wait has a bound, so a call with a dead agent fails and does not hang.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, repeat
from typing import Any

import numpy as np

from bridge.audio.frames import FRAME_MS, FRAME_SAMPLES
from bridge.audio.level import dbfs
from sip_plugin.demo import speech


class Kind(StrEnum):
    TURN = "turn"
    """Said when the agent is silent; the agent is to answer it."""
    BACKCHANNEL = "backchannel"
    """Said into a reply; the agent is to go on."""
    BARGE_IN = "barge_in"
    """Said into a reply; the agent is to fall silent, then to answer it."""


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    kind: Kind
    pcm: np.ndarray
    """int16[n] at 8 kHz, whole 20 ms frames, speech from first to last."""


@dataclass(frozen=True, slots=True)
class ScriptOptions:
    """When the caller speaks and how long it waits. Times in milliseconds."""

    opening_ms: int = 1000
    """Quiet before the first line."""
    pause_ms: int = 300
    """From a reply's end, once it is sure, to the next line."""
    audible_dbfs: float = -50.0
    """The agent is audible at this level."""
    reply_over_ms: int = 500
    """Silence that ends a reply: longer than any pause inside a line."""
    backchannel_after_ms: int = 900
    barge_in_after_ms: int = 1000
    goes_on_ms: int = 400
    """After a backchannel, the agent is to be heard again within this time."""
    falls_silent_ms: int = 2500
    """From the start of a barge-in until the silence has lasted `reply_over_ms`."""
    reply_timeout_ms: int = 5000
    reply_max_ms: int = 10_000
    noise_dbfs: float = -62.0
    """Line noise under the caller's voice: no real phone sends digital silence."""


@dataclass(frozen=True, slots=True)
class CallerEvent:
    at_ms: int
    """The caller's sample clock."""
    line: str
    """The line that the event belongs to."""


@dataclass(frozen=True, slots=True)
class LineStarted(CallerEvent):
    kind: Kind


@dataclass(frozen=True, slots=True)
class LineEnded(CallerEvent):
    """`at_ms` is the end of the line's last frame."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class ReplyHeard(CallerEvent):
    """The agent became audible, in answer to `line`."""


@dataclass(frozen=True, slots=True)
class ReplyOver(CallerEvent):
    """The agent has been silent long enough; `at_ms` is the end of its last audible frame."""


@dataclass(frozen=True, slots=True)
class FellSilent(CallerEvent):
    """The agent stopped for a barge-in; `at_ms` is the end of its last audible frame."""


@dataclass(frozen=True, slots=True)
class Missed(CallerEvent):
    """The script ends here: what it waited for did not come."""

    expected: str
    seen: str


_EVENTS = {
    kind.__name__: kind
    for kind in (LineStarted, LineEnded, ReplyHeard, ReplyOver, FellSilent, Missed)
}


def event_of(name: str, fields: dict[str, Any]) -> CallerEvent:
    """The event of that class name with these fields, as `asdict` gave them to another process."""
    if "kind" in fields:
        fields = fields | {"kind": Kind(fields["kind"])}
    return _EVENTS[name](**fields)


def default_lines() -> list[Line]:
    """Six turns, a backchannel into the second reply, a barge-in into the fourth."""
    order = [
        ("turn_1", Kind.TURN),
        ("turn_2", Kind.TURN),
        (speech.BACKCHANNEL, Kind.BACKCHANNEL),
        ("turn_3", Kind.TURN),
        ("turn_4", Kind.TURN),
        (speech.BARGE_IN, Kind.BARGE_IN),
        ("turn_5", Kind.TURN),
        ("turn_6", Kind.TURN),
    ]
    return [Line(name, kind, speech.load(name)) for name, kind in order]


class _MissedError(Exception):
    def __init__(self, line: str, expected: str, seen: str) -> None:
        super().__init__(expected)
        self.line, self.expected, self.seen = line, expected, seen


_Frames = Generator[np.ndarray, None, None]


class Caller:
    """Feed it each 20 ms frame that the phone hears; it gives the frame to be sent."""

    def __init__(
        self, lines: Sequence[Line], options: ScriptOptions | None = None, seed: int = 1
    ) -> None:
        self.options = options or ScriptOptions()
        self.finished = False
        """The script is over, well or not: time to hang up."""
        self._lines = lines
        self._events: list[CallerEvent] = []
        self._at_ms = 0
        self._audible_at: int | None = None
        """End of the last frame in which the agent was audible."""
        self._reply_began = 0
        self._noise = np.random.default_rng(seed)
        self._noise_rms = 32768 * 10 ** (self.options.noise_dbfs / 20)
        self._silence = np.zeros(FRAME_SAMPLES, np.int16)
        self._story = self._tell()

    def step(self, heard: np.ndarray) -> tuple[np.ndarray, list[CallerEvent]]:
        """Take int16[160] heard, give int16[160] to send and what happened."""
        if dbfs(heard) >= self.options.audible_dbfs:
            self._audible_at = self._at_ms
        self._events = []
        frame = self._silence
        try:
            frame = next(self._story)
        except StopIteration:
            self.finished = True
        except _MissedError as missed:
            self._events.append(Missed(self._at_ms, missed.line, missed.expected, missed.seen))
            self.finished = True
        self._at_ms += FRAME_MS
        noise = self._noise.normal(0.0, self._noise_rms, FRAME_SAMPLES)
        sent = np.clip(frame + noise, -32768, 32767).round().astype(np.int16)
        return sent, self._events

    @property
    def _quiet_ms(self) -> int:
        return self._at_ms - (self._audible_at or 0)

    def _tell(self) -> _Frames:
        opening = self.options.opening_ms
        yield from self._until(
            lambda: self._at_ms >= opening and self._quiet_ms >= opening,
            self.options.reply_max_ms,
            ("the call", f"{opening} ms of quiet to begin in", "the agent keeps talking"),
        )
        answered = ""
        for line in self._lines:
            match line.kind:
                case Kind.TURN:
                    if answered:
                        yield from self._hear_out(answered)
                    yield from self._say(line)
                case Kind.BACKCHANNEL:
                    yield from self._reply_lasts(answered, self.options.backchannel_after_ms)
                    yield from self._mutter(line)
                    continue
                case Kind.BARGE_IN:
                    yield from self._reply_lasts(answered, self.options.barge_in_after_ms)
                    yield from self._interrupt(line, answered)
            yield from self._await_reply(line)
            answered = line.name
        if answered:
            yield from self._hear_out(answered)

    def _say(self, line: Line) -> _Frames:
        self._events.append(LineStarted(self._at_ms, line.name, line.kind))
        for start in range(0, len(line.pcm), FRAME_SAMPLES):
            last = start + FRAME_SAMPLES >= len(line.pcm)
            if last:
                self._events.append(LineEnded(self._at_ms + FRAME_MS, line.name, line.kind))
            yield line.pcm[start : start + FRAME_SAMPLES]

    def _await_reply(self, line: Line) -> _Frames:
        yield from self._until(
            lambda: self._audible_at == self._at_ms,
            self.options.reply_timeout_ms,
            (
                line.name,
                f"an answer within {self.options.reply_timeout_ms} ms",
                f"no agent audio above {self.options.audible_dbfs:g} dBFS",
            ),
        )
        self._reply_began = self._at_ms
        self._events.append(ReplyHeard(self._at_ms, line.name))

    def _reply_lasts(self, answered: str, ms: int) -> _Frames:
        """Wait until the reply has gone on for `ms`; a reply that ends before is a miss."""
        while self._at_ms - self._reply_began < ms:
            if self._quiet_ms >= self.options.reply_over_ms:
                heard = (self._audible_at or 0) - self._reply_began
                raise _MissedError(
                    answered, f"a reply of more than {ms} ms to speak into", f"{heard} ms"
                )
            yield self._silence

    def _mutter(self, line: Line) -> _Frames:
        yield from self._say(line)
        ended = self._at_ms
        yield from self._until(
            lambda: self._audible_at is not None and self._audible_at > ended,
            self.options.goes_on_ms,
            (line.name, "the agent goes on after a backchannel", "the agent fell silent"),
        )

    def _interrupt(self, line: Line, answered: str) -> _Frames:
        began = self._at_ms
        ends = began + len(line.pcm) // FRAME_SAMPLES * FRAME_MS
        silent = False
        for frame in chain(self._say(line), repeat(self._silence)):
            if not silent and self._quiet_ms >= self.options.reply_over_ms:
                silent = True
                self._events.append(FellSilent(self._audible_at or 0, answered))
            if silent and self._at_ms >= ends:
                return
            if not silent and self._at_ms - began >= self.options.falls_silent_ms:
                raise _MissedError(
                    line.name,
                    f"the agent silent within {self.options.falls_silent_ms} ms of a barge-in",
                    "the agent talks on",
                )
            yield frame

    def _hear_out(self, answered: str) -> _Frames:
        yield from self._until(
            lambda: self._quiet_ms >= self.options.reply_over_ms,
            self.options.reply_max_ms,
            (
                answered,
                f"a reply that ends within {self.options.reply_max_ms} ms",
                "the agent keeps talking",
            ),
        )
        self._events.append(ReplyOver(self._audible_at or 0, answered))
        for _ in range(0, self.options.pause_ms, FRAME_MS):
            yield self._silence

    def _until(
        self, come: Callable[[], bool], timeout_ms: int, miss: tuple[str, str, str]
    ) -> _Frames:
        """Silence until `come()`; after `timeout_ms` a miss of (line, expected, seen)."""
        begun = self._at_ms
        while not come():
            if self._at_ms - begun >= timeout_ms:
                raise _MissedError(*miss)
            yield self._silence
