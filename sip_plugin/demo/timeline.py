"""The call as a picture: caller and agent in two lanes, with what the turn detector decided."""

import math
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from sip_plugin import picture
from sip_plugin.demo import speech
from sip_plugin.demo.measure import CallRecord, PhoneTurn
from sip_plugin.demo.report import LatencyRow
from sip_plugin.demo.script import CallerEvent, Kind, LineStarted
from sip_plugin.demo.watching import PluginEvent
from sip_plugin.picture import AGENT, CALLER, INK, MARKS, QUIET, SECONDS_A_ROW, WAIT, Row

ROW_LEAD_SECS = 0.4


def draw(
    path: Path,
    record: CallRecord,
    caller_events: Sequence[CallerEvent],
    plugin_events: Sequence[PluginEvent],
    turns: Sequence[PhoneTurn],
    rows: Sequence[LatencyRow],
    when: datetime,
) -> None:
    """Write the picture (PNG by the path's suffix). Long calls continue on further rows."""
    secs = max(record.duration_ms / 1000, 1.0)
    parts = _rows(secs, caller_events)
    on_clock = [e for e in plugin_events if e.audio_ms is not None]
    figure = picture.sheet(len(parts))
    for part, lanes in zip(parts, picture.rows_of(figure, parts), strict=True):
        _, caller, agent = lanes
        _waits((caller, agent), [t for t in turns if part.has(t.speech_end_ms)])
        shown = [e for e in on_clock if part.has(e.audio_ms)]
        picture.marks(lanes, [(e.event, e.audio_ms) for e in shown])
        picture.wave(caller, record.sent, part, CALLER)
        picture.wave(agent, record.heard, part, AGENT)
        _words(caller, [e for e in caller_events if part.has(e.at_ms)])
    agent.set_xlabel("seconds of the call, as the phone heard it", color=QUIET)
    title = f"A call through the SIP plugin, {when:%d %B %Y, %H:%M}".replace(" 0", " ")
    picture.head(figure, title, _facts(secs, turns, rows))
    wait = Patch(color=WAIT, alpha=0.55, label="turn latency on the phone")
    seen = {event.event for event in on_clock}
    picture.legend(figure, [name for name in MARKS if name in seen], wait)
    figure.savefig(path)


def _rows(secs: float, caller_events: Sequence[CallerEvent]) -> list[Row]:
    """The call cut shortly before turns, so that no turn is torn."""
    starts = [
        event.at_ms / 1000 - ROW_LEAD_SECS
        for event in caller_events
        if isinstance(event, LineStarted) and event.kind is Kind.TURN
    ]
    count = max(1, math.ceil(secs / SECONDS_A_ROW))
    ideal = [secs * row / count for row in range(1, count)]
    cuts = {min(starts, key=lambda start: abs(start - at)) for at in ideal if starts}
    edges = [0.0, *sorted(cut for cut in cuts if cut > 0), secs]
    return [Row(begin, end) for begin, end in pairwise(edges)]


def _facts(secs: float, turns: Sequence[PhoneTurn], rows: Sequence[LatencyRow]) -> str:
    facts = [f"{secs:.0f} s, {len(turns)} answered turns"]
    by_part = {row.part: row for row in rows}
    if phone := by_part.get("phone_ms"):
        facts.append(
            f"turn latency on the phone p50 {phone.p50:.0f} ms, slowest {phone.p99:.0f} ms"
        )
    names = {"commit_ms": "speech end → commit", "model_ms": "→ model", "playout_ms": "→ RTP"}
    parts = [f"{names[p]} {by_part[p].p50:.0f}" for p in names if p in by_part]
    if parts:
        facts.append(f"p50 by part: {', '.join(parts)} ms")
    return "   ·   ".join(facts)


def _words(lane: Axes, caller_events: Sequence[CallerEvent]) -> None:
    """What the caller says, under its wave; what it says into a reply is named."""
    for event in caller_events:
        if not isinstance(event, LineStarted):
            continue
        words = speech.WORDS.get(event.line, event.line)
        into = event.kind is not Kind.TURN
        text = f"{event.kind.replace('_', '-')}: “{words}”" if into else f"“{words}”"
        lane.text(
            event.at_ms / 1000,
            -0.68 if into else -0.9,
            text,
            fontsize=9,
            color=INK if into else QUIET,
            weight="bold" if into else "normal",
            va="center",
            clip_on=True,
        )


def _waits(axes: Sequence[Axes], turns: Sequence[PhoneTurn]) -> None:
    """What the caller waited, shaded over both lanes, with its length."""
    for turn in turns:
        begin, end = turn.speech_end_ms / 1000, (turn.speech_end_ms + turn.latency_ms) / 1000
        for axis in axes:
            axis.axvspan(begin, end, color=WAIT, alpha=0.55, lw=0)
        axes[0].text(
            (begin + end) / 2,
            0.87,
            f"{turn.latency_ms:.0f} ms",
            ha="center",
            va="center",
            fontsize=9,
            color=INK,
            clip_on=True,
        )
