"""A call that went well, put together on the sample clock: what each witness reports of it."""

from dataclasses import dataclass, field, replace

import numpy as np

from bridge.audio.level import dbfs
from sip_plugin.demo.expectations import Check, check
from sip_plugin.demo.measure import CallRecord, Outcome
from sip_plugin.demo.script import (
    Caller,
    CallerEvent,
    Kind,
    LineEnded,
    LineStarted,
    default_lines,
)
from sip_plugin.demo.watching import PluginEvent
from tests.demo.agents import PlainAgent, talk

PACKET_LEAD_SECS = 0.005
"""Packets reach this phone so long before it plays them."""


@dataclass
class Witnessed:
    caller: list[CallerEvent]
    record: CallRecord
    plugin: list[PluginEvent]
    outcome: Outcome = field(default_factory=lambda: Outcome(True, True, 200, "OK"))

    def without(self, event: str) -> "Witnessed":
        return replace(self, plugin=[e for e in self.plugin if e.event != event])

    def checks(self) -> list[Check]:
        return check(default_lines(), self.outcome, self.caller, self.plugin, self.record)

    def failures(self) -> list[str]:
        return [c.name for c in self.checks() if not c.ok]


def turn_event(event: str, audio_ms: float, **data) -> PluginEvent:
    return PluginEvent(event, "sid", 0.0, audio_ms, data)


def record_of(sent: np.ndarray, heard: np.ndarray) -> CallRecord:
    sent_at = 1000.0 + np.arange(len(sent) // 160) * 0.02
    levels = dbfs(heard.reshape(-1, 160))
    return CallRecord(sent, heard, sent_at, sent_at - PACKET_LEAD_SECS, levels)


def a_good_call() -> Witnessed:
    caller, sent, heard = talk(Caller(default_lines()), PlainAgent().step)
    plugin: list[PluginEvent] = []
    turn = 0
    for event in caller:
        match event:
            case LineStarted(at_ms=at, kind=Kind.BACKCHANNEL):
                plugin.append(turn_event("barge_in_armed", at + 60))
            case LineEnded(at_ms=at, kind=Kind.BACKCHANNEL):
                plugin.append(turn_event("barge_in_rejected", at + 200, speech_ms=200))
            case LineStarted(at_ms=at, kind=kind):
                turn += 1
                if kind is Kind.BARGE_IN:
                    cut = turn_event("cancel", at + 360, turn=turn, reply_turn=turn - 1)
                    cut.data["heard_ms"] = 1300
                    plugin.append(cut)
                plugin.append(turn_event("prime", at + 660, turn=turn))
            case LineEnded(at_ms=at):
                plugin.append(turn_event("commit", at + 560, turn=turn, speech_end_ms=at + 60))
                parts = {"commit_ms": 500.0, "model_ms": 150.0 + turn, "playout_ms": 4.0}
                total_ms = sum(parts.values())
                plugin.append(turn_event("turn_latency", at + 720, **parts, total_ms=total_ms))
    return Witnessed(caller, record_of(sent, heard), plugin)
