"""How every benchmark ends: a table to read and one JSON line to keep."""

import json
import os
import platform
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.table import Table

Row = dict[str, Any]

WIDTH = 160
"""Columns of a table that goes to a file or a pipe."""


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    cpu = ""
    try:
        with open("/proc/cpuinfo") as lines:
            cpu = next(
                (x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")), ""
            )
    except OSError:
        pass
    return {
        "cores": os.cpu_count(),
        "cpu": cpu or platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def publish(name: str, rows: list[Row], note: str = "") -> None:
    """Print `rows` as a table and, last, as the JSON line that tools read.

    Rows that follow each other with other columns begin a new table.
    """
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    groups = [list(group) for _, group in groupby(rows, key=list)]
    for group in groups:
        last = group is groups[-1]
        title = name if group is groups[0] else ""
        console.print(_table(title, group, note if last else ""))
    print(json.dumps({"benchmark": name, "machine": machine(), "rows": rows}))


def _table(title: str, rows: list[Row], note: str) -> Table:
    table = Table(title=title or None, caption=note or None)
    for column in rows[0]:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*(_shown(value) for value in row.values()))
    return table


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
