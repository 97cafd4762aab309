"""Lanes of a call as a picture: waves of caller and agent, marks of what the turn detector did."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bridge.audio.frames import PHONE_RATE_HZ

INK, QUIET, GRID = "#1f2430", "#6b7280", "#e5e7eb"
CALLER, AGENT, WAIT = "#2563eb", "#ea580c", "#fde68a"
ENVELOPE_MS = 10
SECONDS_A_ROW = 30.0


@dataclass(frozen=True, slots=True)
class Mark:
    label: str
    colour: str
    marker: str
    height: float
    """In the lane of events, -1 to 1."""


@dataclass(frozen=True, slots=True)
class Row:
    """A part of the call, in seconds."""

    begin: float
    end: float

    def has(self, at_ms: float) -> bool:
        return self.begin <= at_ms / 1000 < self.end


MARKS = {
    "prime": Mark("prime", "#0891b2", "^", -0.45),
    "commit": Mark("commit", "#16a34a", "o", -0.45),
    "retract": Mark("commit taken back", "#be185d", "<", -0.45),
    "backchannel": Mark("backchannel", "#7c3aed", "D", -0.45),
    "barge_in_armed": Mark("barge-in armed", "#f59e0b", "s", 0.45),
    "barge_in_rejected": Mark("barge-in rejected", "#7c3aed", "X", 0.45),
    "cancel": Mark("barge-in: agent cancelled", "#dc2626", "v", 0.45),
}


def rows_of(figure: Figure, parts: Sequence[Row]) -> list[tuple[Axes, Axes, Axes]]:
    """The lanes of events, caller and agent for each part, one below the other."""
    width = max(part.end - part.begin for part in parts)
    height = figure.get_figheight()
    margins = {"left": 0.06, "right": 0.985, "top": 1 - 0.95 / height, "bottom": 0.8 / height}
    grid = figure.add_gridspec(len(parts), 1, hspace=0.16, **margins)
    rows = []
    for part, cell in zip(parts, grid, strict=True):
        events, caller, agent = cell.subgridspec(
            3, 1, height_ratios=[0.5, 1, 1], hspace=0
        ).subplots()
        for lane, name, colour in (
            (events, "turns", QUIET),
            (caller, "caller", CALLER),
            (agent, "agent", AGENT),
        ):
            _dress(lane, name, colour)
            lane.set_xlim(part.begin, part.begin + width)
            lane.set_xticks(np.arange(math.ceil(part.begin / 2) * 2, part.end + 0.1, 2))
        for lane in (events, caller):
            lane.tick_params(labelbottom=False)
        rows.append((events, caller, agent))
    return rows


def sheet(rows: int) -> Figure:
    """An empty picture with room for so many rows, a head and a legend."""
    return Figure(figsize=(17, 1.75 + 3.5 * rows), dpi=110, facecolor="white")


def head(figure: Figure, title: str, facts: str) -> None:
    inch = 1 / figure.get_figheight()
    figure.text(0.055, 1 - 0.38 * inch, title, fontsize=16, color=INK, weight="bold")
    figure.text(0.055, 1 - 0.66 * inch, facts, fontsize=11, color=QUIET)


def legend(figure: Figure, names: Iterable[str], *more: object) -> None:
    marks = [
        Line2D([], [], marker=m.marker, color=m.colour, mec="white", ms=8, ls="none", label=m.label)
        for m in (MARKS[name] for name in names)
    ]
    figure.legend(
        handles=[*marks, *more],
        loc="lower center",
        ncol=8,
        frameon=False,
        fontsize=10,
        labelcolor=INK,
        handletextpad=0.4,
        columnspacing=1.6,
    )


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


def wave(lane: Axes, pcm: np.ndarray, row: Row, colour: str) -> None:
    """The envelope of int16 PCM at 8 kHz, as far as it is in the row."""
    step = PHONE_RATE_HZ * ENVELOPE_MS // 1000
    peaks = pcm[: len(pcm) // step * step].reshape(-1, step).astype(np.float32) / 32768
    at = np.arange(len(peaks)) * ENVELOPE_MS / 1000
    shown = (at >= row.begin) & (at < row.end)
    if shown.any():
        low, high = peaks[shown].min(1), peaks[shown].max(1)
        lane.fill_between(at[shown], low, high, color=colour, lw=0.4, step="post")


def marks(lanes: Sequence[Axes], events: Iterable[tuple[str, float]]) -> None:
    """Events by name and time in ms; a commit and a cancel go through all lanes."""
    top, *waves = lanes
    for name, at_ms in events:
        mark = MARKS.get(name)
        if mark is None:
            continue
        at = at_ms / 1000
        style = {"marker": mark.marker, "color": mark.colour, "mec": "white", "mew": 0.8}
        top.plot(at, mark.height, ms=9, ls="none", **style)
        if name in ("commit", "cancel"):
            for lane in waves:
                lane.axvline(at, color=mark.colour, lw=1.0, alpha=0.7)
