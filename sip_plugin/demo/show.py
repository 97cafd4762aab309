"""The live view: a line an event, and in a terminal two meters of who is audible."""

import time
from collections.abc import Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from sip_plugin.demo.telling import Told

METER_WIDTH = 40
METER_FLOOR_DBFS, METER_TOP_DBFS = -50.0, -5.0


class Show:
    """`with Show(console) as show: ...`. Lines carry seconds since the call was dialled."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._zero = time.monotonic()
        self._levels = (-96.0, -96.0)
        self._live: Live | None = None

    def __enter__(self) -> "Show":
        if self.console.is_terminal and not self.console.is_dumb_terminal:
            self._live = Live(console=self.console, auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end_meters()

    def end_meters(self) -> None:
        """The call is over: nobody is audible any more."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def zero(self) -> None:
        """The call is dialled now."""
        self._zero = time.monotonic()

    def tell(self, told: Told | None) -> None:
        if told is None:
            return
        line = Text(f"{time.monotonic() - self._zero:7.2f} s  ", style="dim")
        line.append(f"{told.who:<8}", style="dim")
        line.append(_printable(told.text), style=told.style)
        self.console.print(line, soft_wrap=True)

    def levels(self, caller_dbfs: float, agent_dbfs: float) -> None:
        """Move the meters; nothing without a terminal."""
        if self._live is not None:
            self._live.update(
                Group(
                    Text(),
                    _meter("caller", caller_dbfs, "blue"),
                    _meter("agent", agent_dbfs, "dark_orange"),
                ),
                refresh=True,
            )

    def quote(self, title: str, lines: Sequence[str]) -> None:
        """The end of a log, as it is; nothing for an empty one."""
        if not lines:
            return
        self.console.print(Text(title, style="bold"))
        for line in lines:
            self.console.print(Text("  " + _printable(line)), soft_wrap=True)


def _meter(name: str, level_dbfs: float, style: str) -> Text:
    part = (level_dbfs - METER_FLOOR_DBFS) / (METER_TOP_DBFS - METER_FLOOR_DBFS)
    filled = round(min(max(part, 0.0), 1.0) * METER_WIDTH)
    bar = Text(f"           {name:<8}", style="dim")
    bar.append("█" * filled, style=style)
    bar.append("·" * (METER_WIDTH - filled), style="dim")
    return bar


def _printable(text: str) -> str:
    """What comes from elsewhere must not steer the terminal."""
    return "".join(c if c.isprintable() else " " for c in text)
