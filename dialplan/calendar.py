"""Days off from an iCalendar file (RFC 5545): the part of it that lists of holidays use."""

import contextlib
import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dialplan import recurrence

MAX_EVENTS = 5000
MAX_RULES = 200
"""Events that come again by another rule than "each year"."""

_PROPERTY = re.compile(r"([A-Za-z0-9-]+)((?:;[A-Za-z0-9-]+=(?:\"[^\"]*\"|[^;:\"]*))*):(.*)")
_WHEN = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?", re.ASCII)
_DURATION = re.compile(
    r"\+?P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,5})M)?(?:(\d{1,6})S)?)?",
    re.ASCII,
)

Fields = Mapping[str, Sequence[tuple[str, str]]]
"""Of an event: parameters and value of each line, by the property's name."""


@dataclass(frozen=True, slots=True)
class Event:
    """A span of wall-clock time in the zone of the schedule; `yearly` comes back each year."""

    start: dt.datetime
    end: dt.datetime
    """Not within it any more."""
    name: str
    yearly: bool = False
    until: int = 9999
    """Last year of a yearly one."""

    def covers(self, moment: dt.datetime) -> bool:
        if not self.yearly:
            return self.start <= moment < self.end
        length = self.end - self.start
        # It may have begun in the year before.
        for year in (moment.year, moment.year - 1):
            if not self.start.year <= year <= self.until:
                continue
            try:
                start = self.start.replace(year=year)
            except ValueError:  # 29 February, RFC 5545 section 3.3.10: no such day, no event
                continue
            if start <= moment < start + length:
                return True
        return False


@dataclass(frozen=True, slots=True)
class Recurring:
    """Spans of the same length, by a rule."""

    times: recurrence.Times
    name: str

    def covers(self, moment: dt.datetime) -> bool:
        return self.times.cover(moment)


def parse(text: str, zone: ZoneInfo) -> tuple[Event | Recurring, ...]:
    """Read the events of a calendar as times of the zone's wall clocks.

    Taken: VEVENT with DTSTART, DTEND or DURATION, as dates or times (UTC, TZID or floating), RRULE
    by years, months, weeks or days, RDATE, EXDATE, and single occurrences that were moved
    (RECURRENCE-ID). Raises ValueError with the line for what would change the days and is not
    understood, and for what is no calendar.
    """
    read = _events(text)
    moved: dict[str, set[dt.datetime]] = defaultdict(set)
    for line, fields in read:
        if "RECURRENCE-ID" in fields:
            with _told(line):
                moved[_text(fields, "UID")].add(_moved_from(fields, zone))
    events: list[Event | Recurring] = []
    rules = times = 0
    for line, fields in read:
        with _told(line):
            event = _event(fields, zone, frozenset(moved.get(_text(fields, "UID"), ())))
            if isinstance(event, Recurring):
                rules, times = rules + 1, times + len(event.times)
            if rules > MAX_RULES or times > recurrence.MAX_TIMES:
                raise ValueError("the calendar's events come again too often")
        if event is not None:
            events.append(event)
    return tuple(events)


@contextlib.contextmanager
def _told(line: int) -> Iterator[None]:
    """Errors say where."""
    try:
        yield
    except (ValueError, OverflowError) as error:
        raise ValueError(f"line {line} of the calendar: {error}") from None


def _events(text: str) -> list[tuple[int, Fields]]:
    """Every VEVENT, with the number of its last line."""
    lines = _unfolded(text)
    if not lines or lines[0][1].strip().upper() != "BEGIN:VCALENDAR":
        raise ValueError("not an iCalendar file: it does not begin with BEGIN:VCALENDAR")
    found: list[tuple[int, Fields]] = []
    fields: dict[str, list[tuple[str, str]]] | None = None
    nested = 0
    for line, content in lines:
        name, parameters, value = _split(content)
        match name, value.upper():
            case "BEGIN", "VEVENT":
                fields = defaultdict(list)
            case "END", "VEVENT" if fields is not None:
                found.append((line, fields))
                fields = None
            case "BEGIN", _ if fields is not None:
                nested += 1
            case "END", _ if fields is not None:
                nested -= 1
            case _ if fields is not None and not nested:
                fields[name].append((parameters, value))
        if len(found) > MAX_EVENTS:
            raise ValueError(f"the calendar has more than {MAX_EVENTS} events")
    return found


def _unfolded(text: str) -> list[tuple[int, str]]:
    """Content lines with the number of their first line (section 3.1)."""
    found: list[tuple[int, str]] = []
    for number, line in enumerate(re.split(r"\r?\n", text.removeprefix("\ufeff")), start=1):
        if line[:1] in (" ", "\t") and found:
            found[-1] = (found[-1][0], found[-1][1] + line[1:])
        elif line:
            found.append((number, line))
    return found


def _split(content: str) -> tuple[str, str, str]:
    match = _PROPERTY.fullmatch(content)
    return (match[1].upper(), match[2], match[3].strip()) if match else ("", "", "")


def _text(fields: Fields, name: str) -> str:
    return fields[name][-1][1] if name in fields else ""


def _event(
    fields: Fields, zone: ZoneInfo, moved: frozenset[dt.datetime]
) -> Event | Recurring | None:
    if _text(fields, "STATUS").upper() == "CANCELLED":
        return None
    if "DTSTART" not in fields:
        raise ValueError("an event without DTSTART")
    if "EXRULE" in fields or len(fields.get("RRULE", ())) > 1:
        raise ValueError("EXRULE and more than one RRULE are not understood")
    first = _read(*fields["DTSTART"][-1])
    start = first.on(zone)
    end = _end(fields, first, zone)
    summary = "".join(c for c in _text(fields, "SUMMARY") if c.isprintable())[:64]
    rule = _text(fields, "RRULE")
    if "RECURRENCE-ID" in fields:
        moved = frozenset()
    if not moved and not fields.keys() & {"RDATE", "EXDATE"}:
        if not rule:
            return Event(start, end, summary)
        if (until := _last_year(rule, start)) is not None:
            return Event(start, end, summary, yearly=True, until=until)
    starts = _starts(fields, first, rule, zone) - moved
    return Recurring(recurrence.Times(starts, end - start), summary)


def _end(fields: Fields, first: "_Moment", zone: ZoneInfo) -> dt.datetime:
    start = first.on(zone)
    if "DTEND" in fields:
        end = _read(*fields["DTEND"][-1]).on(zone)
    elif "DURATION" in fields:
        end = start + _duration(_text(fields, "DURATION"))
    else:  # section 3.6.1
        end = start + dt.timedelta(days=1 if first.is_date else 0)
    if end < start:
        raise ValueError("an event that ends before it begins")
    if end == start and first.is_date:  # some write the last day instead of the one after
        end = start + dt.timedelta(days=1)
    return end


def _starts(fields: Fields, first: "_Moment", rule: str, zone: ZoneInfo) -> set[dt.datetime]:
    """Every beginning, on the zone's wall clock."""
    # The rule is of the wall clock that the event was written for.
    begins = [first.wall]
    if rule:
        until = recurrence.fields(rule).get("UNTIL")
        last = _read("", until) if until else None
        begins += recurrence.starts(rule, first.wall, last and last.until(first))
    found = {_Moment(wall, first.zone, first.is_date).on(zone) for wall in begins}
    found |= {moment.on(zone) for moment in _list(fields, "RDATE")}
    for left_out in _list(fields, "EXDATE"):
        day = left_out.on(zone)
        if left_out.is_date:
            found = {start for start in found if start.date() != day.date()}
        found.discard(day)
    return found


def _list(fields: Fields, name: str) -> "list[_Moment]":
    return [
        _read(parameters, value)
        for parameters, values in fields.get(name, ())
        for value in values.split(",")
    ]


def _moved_from(fields: Fields, zone: ZoneInfo) -> dt.datetime:
    parameters, value = fields["RECURRENCE-ID"][-1]
    if "RANGE=" in parameters.upper():
        raise ValueError("RECURRENCE-ID with a RANGE is not understood")
    return _read(parameters, value).on(zone)


@dataclass(frozen=True, slots=True)
class _Moment:
    """A date or time as it was written."""

    wall: dt.datetime
    zone: dt.tzinfo | None
    """None: of the clock on the wall, wherever that is."""
    is_date: bool

    def on(self, zone: ZoneInfo) -> dt.datetime:
        """On the wall clock of the zone."""
        if self.zone is None or self.zone is zone:
            return self.wall
        return self.wall.replace(tzinfo=self.zone).astimezone(zone).replace(tzinfo=None)

    def until(self, first: "_Moment") -> dt.datetime:
        """An UNTIL, on the wall clock of the event that began with `first`."""
        if self.is_date and not first.is_date:
            return self.wall + dt.timedelta(days=1, seconds=-1)
        if self.zone is None or first.zone is None:
            return self.wall
        return self.wall.replace(tzinfo=self.zone).astimezone(first.zone).replace(tzinfo=None)


def _read(parameters: str, value: str) -> _Moment:
    match = _WHEN.fullmatch(value)
    if match is None:
        raise ValueError("not a date or time")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    wall = dt.datetime(year, month, day, hour, minute, min(second, 59))
    if not 1900 <= year <= 9000:
        raise ValueError("the year must be from 1900 to 9000")
    if match[4] is None:
        return _Moment(wall, None, True)
    named = re.search(r"TZID=\"?([^;:\"]+)", parameters, re.IGNORECASE)
    if match[7]:
        return _Moment(wall, dt.UTC, False)
    if not named:
        return _Moment(wall, None, False)
    try:
        return _Moment(wall, ZoneInfo(named[1]), False)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("a TZID that is no zone of the tz database") from None


def _duration(value: str) -> dt.timedelta:
    match = _DURATION.fullmatch(value)
    if match is None:
        raise ValueError("not a duration")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return dt.timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def _last_year(rule: str, start: dt.datetime) -> int | None:
    """Of a rule that says no more than "each year"; None for any other."""
    parts = recurrence.fields(rule)
    # What only repeats the start changes nothing.
    if parts.get("BYMONTH") == str(start.month):
        del parts["BYMONTH"]
    if parts.get("BYMONTHDAY") == str(start.day):
        del parts["BYMONTHDAY"]
    parts.pop("WKST", None)
    if parts.pop("INTERVAL", "1") != "1" or parts.pop("FREQ", "") != "YEARLY":
        return None
    until = 9999
    if count := parts.pop("COUNT", ""):
        until = start.year + int(count) - 1
    if end := parts.pop("UNTIL", ""):
        last = _read("", end).wall
        until = min(until, last.year - ((last.month, last.day) < (start.month, start.day)))
    return None if parts else until
