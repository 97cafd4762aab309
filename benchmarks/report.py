"""How every benchmark ends: a table to read and one JSON line to keep."""

import json
import os
import platform
from typing import Any

from rich.console import Console
from rich.table import Table

Row = dict[str, Any]


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
    """Print `rows` as a table and, last, as the JSON line that tools read."""
    table = Table(title=name, caption=note or None)
    for column in rows[0] if rows else ():
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*(_shown(value) for value in row.values()))
    Console().print(table)
    print(json.dumps({"benchmark": name, "machine": machine(), "rows": rows}))


def _shown(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
