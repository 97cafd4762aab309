"""The call as a picture: caller and agent in two lanes, with what the turn detector decided."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bridge.audio.frames import PHONE_RATE_HZ
from sip_plugin.demo import speech
from sip_plugin.demo.measure import CallRecord, PhoneTurn
from sip_plugin.demo.report import LatencyRow
from sip_plugin.demo.script import CallerEvent, Kind, LineStarted
from sip_plugin.demo.watching import PluginEvent

INK, QUIET, GRID = "#1f2430", "#6b7280", "#e5e7eb"
CALLER, AGENT, WAIT = "#2563eb", "#ea580c", "#fde68a"
ENVELOPE_MS = 10


@dataclass(frozen=True, slots=True)
class _Mark:
    label: str
    colour: str
    marker: str
    height: float
    """In the lane of events, -1 to 1."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A part of the call, in seconds."""

    begin: float
    end: float

    def has(self, at_ms: float) -> bool:
        return self.begin <= at_ms / 1000 < self.end


_MARKS = {
    "prime": _Mark("prime", "#0891b2", "^", -0.45),
    "commit": _Mark("commit", "#16a34a", "o", -0.45),
    "backchannel": _Mark("backchannel", "#7c3aed", "D", -0.45),
    "barge_in_armed": _Mark("barge-in armed", "#f59e0b", "s", 0.45),
    "barge_in_rejected": _Mark("barge-in rejected", "#7c3aed", "X", 0.45),
    "cancel": _Mark("barge-in: agent cancelled", "#dc2626", "v", 0.45),
}
SECONDS_A_ROW = 30.0
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
    width = max(part.end - part.begin for part in parts)
    height = 1.75 + 3.5 * len(parts)
    figure = Figure(figsize=(17, height), dpi=110, facecolor="white")
    margins = {"left": 0.06, "right": 0.985, "top": 1 - 0.95 / height, "bottom": 0.8 / height}
    grid = figure.add_gridspec(len(parts), 1, hspace=0.16, **margins)
    for part, cell in zip(parts, grid, strict=True):
        lanes = cell.subgridspec(3, 1, height_ratios=[0.5, 1, 1], hspace=0).subplots()
        events, caller, agent = lanes
        for lane, name, colour in zip(
            lanes, ("turns", "caller", "agent"), (QUIET, CALLER, AGENT), strict=True
        ):
            _dress(lane, name, colour)
            lane.set_xlim(part.begin, part.begin + width)
            lane.set_xticks(np.arange(math.ceil(part.begin / 2) * 2, part.end + 0.1, 2))
        for lane in (events, caller):
            lane.tick_params(labelbottom=False)
        _waits((caller, agent), [t for t in turns if part.has(t.speech_end_ms)])
        _events(lanes, [e for e in on_clock if part.has(e.audio_ms)])
        _wave(caller, record.sent, part, CALLER)
        _wave(agent, record.heard, part, AGENT)
        _words(caller, [e for e in caller_events if part.has(e.at_ms)])
    agent.set_xlabel("seconds of the call, as the phone heard it", color=QUIET)
    _head(figure, secs, turns, rows, when)
    figure.legend(
        handles=_legend(),
        loc="lower center",
        ncol=8,
        frameon=False,
        fontsize=10,
        labelcolor=INK,
        handletextpad=0.4,
        columnspacing=1.6,
    )
    figure.savefig(path)


def _rows(secs: float, caller_events: Sequence[CallerEvent]) -> list[_Row]:
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
    return [_Row(begin, end) for begin, end in pairwise(edges)]


def _head(
    figure: Figure,
    secs: float,
    turns: Sequence[PhoneTurn],
    rows: Sequence[LatencyRow],
    when: datetime,
) -> None:
    inch = 1 / figure.get_figheight()
    title = f"A call through the SIP plugin, {when:%d %B %Y, %H:%M}".replace(" 0", " ")
    figure.text(0.055, 1 - 0.38 * inch, title, fontsize=16, color=INK, weight="bold")
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
    figure.text(0.055, 1 - 0.66 * inch, "   ·   ".join(facts), fontsize=11, color=QUIET)


def _dress(lane: Axes, name: str, colour: str) -> None:
    lane.set_ylim(-1, 1)
    lane.set_yticks([])
    lane.set_ylabel(
        name, color=colour, fontsize=12, weight="bold", rotation=0, ha="right", va="center"
    )
    lane.grid(axis="x", color=GRID, lw=0.8)
    lane.set_axisbelow(True)
    for side in ("top", "left", "right"):
        lane.spines[side].set_visible(False)
    lane.spines["bottom"].set_color(GRID)
    lane.tick_params(colors=QUIET, length=0)


def _wave(lane: Axes, pcm: np.ndarray, row: _Row, colour: str) -> None:
    step = PHONE_RATE_HZ * ENVELOPE_MS // 1000
    peaks = pcm[: len(pcm) // step * step].reshape(-1, step).astype(np.float32) / 32768
    at = np.arange(len(peaks)) * ENVELOPE_MS / 1000
    shown = (at >= row.begin) & (at < row.end)
    if shown.any():
        low, high = peaks[shown].min(1), peaks[shown].max(1)
        lane.fill_between(at[shown], low, high, color=colour, lw=0.4, step="post")


def _events(lanes: Sequence[Axes], plugin_events: Sequence[PluginEvent]) -> None:
    events, *waves = lanes
    for event in plugin_events:
        mark = _MARKS.get(event.event)
        if mark is None:
            continue
        assert event.audio_ms is not None
        at = event.audio_ms / 1000
        style = {"marker": mark.marker, "color": mark.colour, "mec": "white", "mew": 0.8}
        events.plot(at, mark.height, ms=9, ls="none", **style)
        if event.event in ("commit", "cancel"):
            for lane in waves:
                lane.axvline(at, color=mark.colour, lw=1.0, alpha=0.7)


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


def _legend() -> list[Line2D | Patch]:
    marks: list[Line2D | Patch] = [
        Line2D([], [], marker=m.marker, color=m.colour, mec="white", ms=8, ls="none", label=m.label)
        for m in _MARKS.values()
    ]
    return [*marks, Patch(color=WAIT, alpha=0.55, label="turn latency on the phone")]
