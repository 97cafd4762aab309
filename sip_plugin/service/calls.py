"""The calls of a plugin as its supervisor knows them: running ones and a bounded history.

A core without I/O: it takes the messages of the SIP process and the wall clock, and returns the
records that watchers are to be told.
"""

import math
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sip_plugin.planes.messages import CallEvent, CallReport, CallState
from sip_plugin.service.records import Record, record

FINAL_STATES = frozenset({"completed", "failed", "no_answer"})

LATENCY_PARTS = ("commit_ms", "model_ms", "playout_ms", "total_ms")
"""Parts of a turn: end of speech to commit, to first model frame, to first RTP packet; the sum."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of the past is kept."""

    ended_calls: int = 1000
    ended_bytes: int = 32 * 1024 * 1024
    """Events of all ended calls together; the oldest calls go first."""
    running_calls: int = 10_000
    events_per_call: int = 1000
    bytes_per_call: int = 512 * 1024
    turns_per_call: int = 1000


@dataclass(slots=True)
class Call:
    """One call. Times are Unix seconds, None for what did not happen."""

    sid: str
    direction: str
    caller: str
    called: str
    trunk: str
    agent: str
    state: str
    created_at: float
    answered_at: float | None = None
    ended_at: float | None = None
    code: int = 0
    reason: str = ""
    cause: str = ""
    ended_by: str = ""
    far_reason: str = ""
    announcement_secs: float = 0.0
    report: dict[str, Any] = field(default_factory=dict)
    lines: deque[bytes] = field(default_factory=deque)
    lines_bytes: int = 0
    lines_dropped: int = 0
    turns: deque[dict[str, float]] = field(default_factory=deque)

    @property
    def ended(self) -> bool:
        return self.state in FINAL_STATES

    def summary(self) -> dict[str, Any]:
        """The call as the control API shows it in a list."""
        talked = None
        if self.answered_at is not None and self.ended_at is not None:
            talked = round(self.ended_at - self.answered_at, 3)
        return {
            "sid": self.sid,
            "state": self.state,
            "direction": self.direction,
            "caller": self.caller,
            "called": self.called,
            "trunk": self.trunk,
            "agent": self.agent,
            "created_at": _rounded(self.created_at),
            "answered_at": _rounded(self.answered_at),
            "ended_at": _rounded(self.ended_at),
            "talked_secs": talked,
            "code": self.code,
            "reason": self.reason,
            "cause": self.cause,
            "ended_by": self.ended_by,
            "far_reason": self.far_reason,
            "announcement_secs": self.announcement_secs,
            "turns": len(self.turns),
            "latency_ms": latency_summary(self.turns),
        }

    def details(self) -> dict[str, Any]:
        """The same with its report, once the media has ended."""
        return {**self.summary(), "events_dropped": self.lines_dropped, "report": self.report}


class CallRegistry:
    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._running: dict[str, Call] = {}
        self._ended: OrderedDict[str, Call] = OrderedDict()
        self._ended_bytes = 0
        self.refused = 0
        """Messages about calls that are not known, or beyond a bound."""

    @property
    def running(self) -> int:
        return len(self._running)

    def get(self, sid: str) -> Call | None:
        return self._running.get(sid) or self._ended.get(sid)

    def newest_first(self) -> list[Call]:
        """Running calls, then ended ones, each newest first."""
        return [*reversed(self._running.values()), *reversed(self._ended.values())]

    def on_state(self, message: CallState, now: float) -> list[Record]:
        """Take a change of state. A call that was thought lost may come back with one."""
        call = self._running.get(message.sid)
        if call is None:
            if message.sid in self._ended and message.state in FINAL_STATES:
                return []
            if len(self._running) >= self._bounds.running_calls:
                self.refused += 1
                return []
            call = self._revive(message.sid) or Call(
                sid=message.sid,
                direction=message.direction,
                caller=message.caller,
                called=message.called,
                trunk=message.trunk,
                agent=message.agent_name,
                state=message.state,
                created_at=now,
            )
            self._running[message.sid] = call
        elif (message.state, message.code, message.agent_name, message.trunk) == (
            *(call.state, call.code),
            *(call.agent, call.trunk),
        ):
            return []
        call.state = message.state
        call.agent = message.agent_name
        call.trunk = message.trunk
        call.code, call.reason, call.cause = message.code, message.reason, message.cause
        call.ended_by, call.far_reason = message.ended_by, message.far_reason
        call.announcement_secs = message.announcement_secs
        if message.state == "in_progress" and call.answered_at is None:
            call.answered_at = now
        records = [self._note(call, "state", now, _state_data(call))]
        if call.ended:
            call.ended_at = now
            self._retire(call)
        return records

    def on_event(self, message: CallEvent, now: float) -> list[Record]:
        call = self.get(message.sid)
        if call is None:
            self.refused += 1
            return []
        if message.event == "turn_latency":
            call.turns.append(_turn(message.data))
            while len(call.turns) > self._bounds.turns_per_call:
                call.turns.popleft()
        return [self._note(call, message.event, now, message.data, audio_ms=message.at_ms)]

    def on_report(self, message: CallReport, now: float) -> list[Record]:
        call = self.get(message.sid)
        if call is None:
            self.refused += 1
            return []
        told = self._note(call, "report", now, message.report)
        call.report = message.report if told.whole else {"left_out": "too long"}
        return [told]

    def lose_all(self, cause: str, reason: str, now: float) -> list[Record]:
        """Every running call is gone, since the process that held them is."""
        records = []
        for call in list(self._running.values()):
            call.state, call.code, call.cause, call.reason = "failed", 0, cause, reason
            call.ended_at = now
            records.append(self._note(call, "state", now, _state_data(call)))
            self._retire(call)
        return records

    def _note(
        self, call: Call, event: str, now: float, data: dict[str, Any], **more: Any
    ) -> Record:
        told = record(call.sid, event, now, data, **more)
        before = call.lines_bytes
        call.lines.append(told.line)
        call.lines_bytes += len(told.line)
        while (
            len(call.lines) > self._bounds.events_per_call
            or call.lines_bytes > self._bounds.bytes_per_call
        ):
            call.lines_bytes -= len(call.lines.popleft())
            call.lines_dropped += 1
        if call.sid in self._ended:
            self._ended_bytes += call.lines_bytes - before
            self._trim()
        return told

    def _retire(self, call: Call) -> None:
        del self._running[call.sid]
        self._ended[call.sid] = call
        self._ended_bytes += call.lines_bytes
        self._trim()

    def _revive(self, sid: str) -> Call | None:
        call = self._ended.pop(sid, None)
        if call is not None:
            self._ended_bytes -= call.lines_bytes
            call.ended_at = None
        return call

    def _trim(self) -> None:
        while self._ended and (
            len(self._ended) > self._bounds.ended_calls
            or self._ended_bytes > self._bounds.ended_bytes
        ):
            _, oldest = self._ended.popitem(last=False)
            self._ended_bytes -= oldest.lines_bytes


def latency_summary(turns: Iterable[dict[str, float]]) -> dict[str, dict[str, float]]:
    """p50, p95 and p99 of each part over the turns, in milliseconds (nearest rank)."""
    summary = {}
    turns = list(turns)
    for part in LATENCY_PARTS:
        values = sorted(turn[part] for turn in turns if part in turn)
        if values:
            summary[part] = {
                f"p{percent}": values[max(0, -(-len(values) * percent // 100) - 1)]
                for percent in (50, 95, 99)
            }
    return summary


def _turn(data: dict[str, Any]) -> dict[str, float]:
    """The latencies of one turn; what is no finite number is left out."""
    parts = {}
    for part in LATENCY_PARTS:
        value = finite(data.get(part))
        if value is not None:
            parts[part] = value
    return parts


def finite(value: Any) -> float | None:
    """The value if it is a number one may add up, else None."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _state_data(call: Call) -> dict[str, Any]:
    return {
        "state": call.state,
        "code": call.code,
        "reason": call.reason,
        "cause": call.cause,
        "direction": call.direction,
        "caller": call.caller,
        "called": call.called,
        "trunk": call.trunk,
        "agent": call.agent,
    }


def _rounded(at: float | None) -> float | None:
    return None if at is None else round(at, 3)
