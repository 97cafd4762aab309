"""When an event of a calendar comes again: RRULE, RDATE and EXDATE of RFC 5545.

The rules themselves are followed by python-dateutil. What it must not be asked is decided here:
rules by the hour or smaller are no holidays, and a rule may not cost more than a list of days does.
"""

import datetime as dt
import re
from bisect import bisect_right
from collections.abc import Iterable

from dateutil.rrule import rrulestr

HORIZON = dt.datetime(2100, 1, 1)
"""Rules are followed until here."""
MAX_TIMES = 50_000
"""Of all events of a calendar: 130 years of every day."""

_PART = re.compile(r"[A-Z]{3,10}=[A-Z0-9,+-]{1,400}", re.ASCII)
_ALLOWED = {
    "YEARLY": {"BYMONTH", "BYMONTHDAY", "BYDAY", "BYWEEKNO", "BYYEARDAY", "BYSETPOS"},
    "MONTHLY": {"BYMONTH", "BYMONTHDAY", "BYDAY", "BYSETPOS"},
    "WEEKLY": {"BYMONTH", "BYDAY"},
    # With the day of a month dateutil looks at every day until the year 9999.
    "DAILY": {"BYMONTH", "BYDAY"},
}
_COMMON = {"INTERVAL", "COUNT", "UNTIL", "WKST"}


def starts(rule: str, first: dt.datetime, until: dt.datetime | None) -> list[dt.datetime]:
    """When an event that begins at `first`, a time of a wall clock, begins by `rule`, in order.

    `until`: the rule's UNTIL on the same wall clock. Raises ValueError for rules that are wrong,
    not taken or that never come.
    """
    parts = fields(rule)
    by = {name for name in parts if name not in _COMMON} - {"FREQ"}
    allowed = _ALLOWED.get(parts.get("FREQ", ""))
    if allowed is None:
        raise ValueError(f"a recurrence with FREQ={parts.get('FREQ', '')[:20]}")
    if refused := sorted(by - allowed):
        raise ValueError(f"a recurrence {parts['FREQ']} with {', '.join(refused)}")
    for name in ("INTERVAL", "COUNT"):
        if not 1 <= int(parts.get(name, 1)) <= MAX_TIMES:
            raise ValueError(f"a recurrence with {name}={parts[name][:20]}")
    kept = ";".join(f"{name}={value}" for name, value in parts.items() if name != "UNTIL")
    last = min(until, HORIZON) if until is not None else HORIZON
    found = []
    try:
        for start in rrulestr(f"RRULE:{kept}", dtstart=first):
            if start > last:
                break
            found.append(start)
            if len(found) > MAX_TIMES:
                raise ValueError(f"a recurrence of more than {MAX_TIMES} times")
    except (TypeError, KeyError, IndexError, OverflowError) as error:
        raise ValueError("not a recurrence") from error
    if not found:
        raise ValueError("a recurrence that never comes")
    return found


def fields(rule: str) -> dict[str, str]:
    """The parts of a rule by name. Raises ValueError."""
    parts: dict[str, str] = {}
    for part in rule.strip().upper().rstrip(";").split(";"):
        name, _, value = part.partition("=")
        if not _PART.fullmatch(part) or name in parts:
            raise ValueError("not a recurrence")
        parts[name] = value
    return parts


class Times:
    """Sorted times, to be asked whether one of them was shortly before a moment."""

    def __init__(self, starts: Iterable[dt.datetime], length: dt.timedelta) -> None:
        self._starts = sorted(set(starts))
        self._length = length

    def __len__(self) -> int:
        return len(self._starts)

    def cover(self, moment: dt.datetime) -> bool:
        # All are equally long: if the last one before the moment is over, so are the others.
        place = bisect_right(self._starts, moment)
        return place > 0 and moment < self._starts[place - 1] + self._length
