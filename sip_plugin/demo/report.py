"""Turn latency by part: percentiles over few turns, and the table that shows them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from sip_plugin.demo.expectations import Check
from sip_plugin.demo.measure import PhoneTurn
from sip_plugin.demo.watching import PluginEvent

PARTS = (
    ("commit_ms", "end of speech → commit"),
    ("model_ms", "commit → first model frame"),
    ("playout_ms", "first model frame → first RTP packet"),
    ("total_ms", "the three together, in the plugin"),
)
PHONE_PARTS = (
    ("phone_ms", "on the phone: last speech → first agent audio"),
    ("phone_voice_ms", "on the phone: … → agent at speaking level"),
)


@dataclass(frozen=True, slots=True)
class LatencyRow:
    """Milliseconds over `n` turns, nearest rank: below 20 turns p95 is the slowest one."""

    part: str
    label: str
    n: int
    p50: float
    p95: float
    p99: float


def percentile(values: Sequence[float], percent: int) -> float:
    """Nearest rank: the smallest value with at least `percent` of all at or below it."""
    ranked = sorted(values)
    return ranked[max(0, -(-len(ranked) * percent // 100) - 1)]


def latency_rows(
    plugin_events: Sequence[PluginEvent], phone: Sequence[PhoneTurn]
) -> list[LatencyRow]:
    """One row a part; a part without a figure has none."""
    turns = [e.data for e in plugin_events if e.event == "turn_latency"]
    columns = [(part, label, [t[part] for t in turns if part in t]) for part, label in PARTS]
    voices = [turn.voice_ms for turn in phone if turn.voice_ms is not None]
    for (part, label), values in zip(
        PHONE_PARTS, ([turn.latency_ms for turn in phone], voices), strict=True
    ):
        columns.append((part, label, values))
    return [
        LatencyRow(part, label, len(values), *(percentile(values, p) for p in (50, 95, 99)))
        for part, label, values in columns
        if values
    ]


def latency_table(rows: Sequence[LatencyRow]) -> Table:
    n = max((row.n for row in rows), default=0)
    table = Table(
        title=f"Turn latency over {n} turns, ms",
        caption=f"nearest rank: with {n} turns p95 and p99 are the slowest turn"
        if n < 20
        else None,
        box=SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("part")
    for name in ("n", "p50", "p95", "p99"):
        table.add_column(name, justify="right")
    for row in rows:
        style = "bold" if row.part == "phone_ms" else None
        figures = (f"{value:.1f}" for value in (row.p50, row.p95, row.p99))
        table.add_row(row.label, str(row.n), *figures, style=style)
    return table


def check_table(checks: Sequence[Check]) -> Table:
    table = Table(title="As scripted?", box=SIMPLE_HEAD, title_justify="left")
    for name in ("", "what", "expected", "seen"):
        table.add_column(name, overflow="fold")
    for check in checks:
        mark = "[green]✓[/]" if check.ok else "[bold red]✗[/]"
        style = None if check.ok else "red"
        table.add_row(mark, check.name, check.expected, check.seen, style=style)
    return table


def summary(
    rows: Sequence[LatencyRow],
    checks: Sequence[Check],
    phone: Sequence[PhoneTurn],
    call_secs: float,
    files: dict[str, str],
) -> dict[str, Any]:
    """Everything in one JSON object."""
    return {
        "ok": bool(checks) and all(check.ok for check in checks),
        "call_secs": round(call_secs, 2),
        "latency_ms": {
            row.part: {
                "n": row.n,
                "p50": round(row.p50, 2),
                "p95": round(row.p95, 2),
                "p99": round(row.p99, 2),
            }
            for row in rows
        },
        "turns": [asdict(turn) for turn in phone],
        "checks": [asdict(check) for check in checks],
        "files": files,
    }
