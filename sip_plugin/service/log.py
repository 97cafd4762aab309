"""The one log of a plugin, on stderr: own lines and those of the children, one an event."""

import contextlib
import logging
import sys
from datetime import datetime


def write_own_lines(level: str) -> None:
    """Send the supervisor's log to stderr in the same shape as its children's lines."""
    logging.basicConfig(
        level=level.upper(),
        stream=sys.stderr,
        format="%(asctime)s.%(msecs)03d supervisor %(levelname)s %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )


def write_child_line(name: str, line: str) -> None:
    """One line that a child printed, with the time and whose it is."""
    now = datetime.now().isoformat(timespec="milliseconds")
    with contextlib.suppress(OSError):  # whoever read our log has gone; calls go on without it
        print(f"{now} {name} {line}", file=sys.stderr, flush=True)
