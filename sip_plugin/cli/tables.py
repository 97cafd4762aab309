"""Tables on a terminal, of what a file says."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from dialplan import Plan


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    shown = Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False
    )
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        # As Text: brackets in a name are no markup.
        shown.add_row(*(Text(_plain(cell) or "-") for cell in row))
    return shown


def routes(plan: "Plan") -> "Table":
    from dialplan.describe import lines

    return table("Routes", ("route", "called", "goes to", "with"), lines(plan))


def _plain(cell: str) -> str:
    """What the file says must not steer the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in cell)
