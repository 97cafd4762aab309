"""A replayed call for people: what happened when, and what it comes to."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bridge.replay import Heard
from sip_plugin.cli.plain import plain
from sip_plugin.demo import telling
from sip_plugin.demo.watching import PluginEvent
from sip_plugin.replay.facts import Happening, Summary
from sip_plugin.replay.settings import Settings


def tell(
    console: Console,
    path: Path,
    settings: Settings,
    told: Sequence[Happening],
    heard: Heard,
    summary: Summary,
) -> None:
    title = Text(plain(f"{path.name}, {heard.length_ms / 1000:.1f} s: "), style="bold")
    console.print(title.append(plain(settings.title), style="not bold"), soft_wrap=True)
    lines = [(happening.at_ms, _line(happening)) for happening in told]
    lines += [(at_ms, Text(text, style="dark_orange")) for at_ms, text in _agent(heard)]
    for at_ms, line in sorted(lines, key=lambda pair: pair[0]):
        console.print(Text(f"{at_ms / 1000:8.2f} s  ", style="dim").append_text(line))
    console.print()
    console.print(_table(summary))


def _line(happening: Happening) -> Text:
    event = PluginEvent(happening.event, "", 0.0, happening.at_ms, happening.data)
    said = telling.of_plugin(event)
    return Text(happening.event) if said is None else Text(said.text, style=said.style)


def _agent(heard: Heard) -> list[tuple[float, str]]:
    padded = np.concatenate(([0], heard.agent_turn, [0]))
    edges = np.flatnonzero(np.diff(padded))
    return [
        (edge * 20.0, "agent begins to speak" if padded[edge + 1] else "agent has finished")
        for edge in edges.tolist()
    ]


def _table(summary: Summary) -> Table:
    table = Table(box=SIMPLE_HEAD, title="What it comes to", title_justify="left")
    table.add_column("of")
    table.add_column("seen", justify="right")
    table.add_column("")
    rows = [
        ("turns committed", str(summary.turns), _after(summary)),
        ("commits taken back", str(summary.retracted), "the caller went on before a reply"),
        ("pauses inside turns", str(len(summary.pauses_ms)), _times(summary.pauses_ms)),
        ("backchannels", str(summary.backchannels), "too short for a turn"),
        ("agent's turns", str(summary.agent_turns), f"cancelled: {summary.cancels}"),
        ("barge-ins", str(summary.barge_ins), f"confirmed: {summary.cancels}"),
    ]
    for row in rows:
        table.add_row(*row)
    if summary.open_turn:
        table.caption = "The recording ends in a turn that was not committed yet."
        table.caption_justify = "left"
    return table


def _after(summary: Summary) -> str:
    times = _times(summary.commit_ms)
    return f"after the last speech: {times}" if times else ""


def _times(ms: Sequence[float]) -> str:
    if not ms:
        return ""
    middle, high = np.percentile(ms, (50, 90))
    return f"p50 {middle:.0f}, p90 {high:.0f}, longest {max(ms):.0f} ms"
