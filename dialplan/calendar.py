"""Days off from an iCalendar file (RFC 5545): the part of it that lists of holidays use."""

import datetime as dt
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MAX_EVENTS = 5000

_PROPERTY = re.compile(r"([A-Za-z0-9-]+)((?:;[A-Za-z0-9-]+=(?:\"[^\"]*\"|[^;:\"]*))*):(.*)")
_WHEN = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?", re.ASCII)
_DURATION = re.compile(
    r"\+?P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,5})M)?(?:(\d{1,6})S)?)?",
    re.ASCII,
)


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


def parse(text: str, zone: ZoneInfo) -> tuple[Event, ...]:
    """Read the events of a calendar as times of the zone's wall clocks.

    Taken: VEVENT with DTSTART, DTEND or DURATION, as dates or times (UTC, TZID or floating), and
    RRULE:FREQ=YEARLY with at most COUNT or UNTIL. Raises ValueError with the line for what
    would change the days and is not understood, such as other rules, and for what is no calendar.
    """
    lines = _unfolded(text)
    if not lines or lines[0][1].strip().upper() != "BEGIN:VCALENDAR":
        raise ValueError("not an iCalendar file: it does not begin with BEGIN:VCALENDAR")
    events: list[Event] = []
    fields: dict[str, tuple[str, str]] | None = None
    nested = 0
    for line, content in lines:
        name, parameters, value = _split(content)
        try:
            match name, value.upper():
                case "BEGIN", "VEVENT":
                    fields = {}
                case "END", "VEVENT" if fields is not None:
                    if (event := _event(fields, zone)) is not None:
                        events.append(event)
                    fields = None
                case "BEGIN", _ if fields is not None:
                    nested += 1
                case "END", _ if fields is not None:
                    nested -= 1
                case _ if fields is not None and not nested:
                    if name in ("RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID"):
                        raise ValueError(f"{name} is not understood")
                    fields[name] = (parameters, value)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"line {line} of the calendar: {error}") from None
        if len(events) > MAX_EVENTS:
            raise ValueError(f"the calendar has more than {MAX_EVENTS} events")
    return tuple(events)


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


def _event(fields: dict[str, tuple[str, str]], zone: ZoneInfo) -> Event | None:
    if fields.get("STATUS", ("", ""))[1].upper() == "CANCELLED":
        return None
    if "DTSTART" not in fields:
        raise ValueError("an event without DTSTART")
    start, is_date = _moment(*fields["DTSTART"], zone)
    if "DTEND" in fields:
        end = _moment(*fields["DTEND"], zone)[0]
    elif "DURATION" in fields:
        end = start + _duration(fields["DURATION"][1])
    else:  # section 3.6.1
        end = start + dt.timedelta(days=1 if is_date else 0)
    if end < start:
        raise ValueError("an event that ends before it begins")
    if end == start and is_date:  # some programs write the last day instead of the one after
        end = start + dt.timedelta(days=1)
    yearly, until = _rule(fields.get("RRULE", ("", ""))[1], start)
    summary = "".join(c for c in fields.get("SUMMARY", ("", ""))[1] if c.isprintable())
    return Event(start, end, summary[:64], yearly, until)


def _moment(parameters: str, value: str, zone: ZoneInfo) -> tuple[dt.datetime, bool]:
    match = _WHEN.fullmatch(value)
    if match is None:
        raise ValueError("not a date or time")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    moment = dt.datetime(year, month, day, hour, minute, min(second, 59))
    if match[4] is None:
        return moment, True
    named = re.search(r"TZID=\"?([^;:\"]+)", parameters, re.IGNORECASE)
    if match[7]:
        moment = moment.replace(tzinfo=dt.UTC).astimezone(zone).replace(tzinfo=None)
    elif named and named[1] != zone.key:
        try:
            other = ZoneInfo(named[1])
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("a TZID that is no zone of the tz database") from None
        moment = moment.replace(tzinfo=other).astimezone(zone).replace(tzinfo=None)
    return moment, False


def _duration(value: str) -> dt.timedelta:
    match = _DURATION.fullmatch(value)
    if match is None:
        raise ValueError("not a duration")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return dt.timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def _rule(rule: str, start: dt.datetime) -> tuple[bool, int]:
    if not rule:
        return False, 9999
    parts = dict(part.upper().partition("=")[::2] for part in rule.split(";"))
    # What only repeats the start changes nothing.
    if parts.get("BYMONTH") == str(start.month):
        del parts["BYMONTH"]
    if parts.get("BYMONTHDAY") == str(start.day):
        del parts["BYMONTHDAY"]
    for ignored in ("WKST",):
        parts.pop(ignored, None)
    if parts.pop("INTERVAL", "1") != "1" or parts.pop("FREQ", "") != "YEARLY":
        raise ValueError("a recurrence other than each year")
    until = 9999
    if count := parts.pop("COUNT", ""):
        until = start.year + int(count) - 1
    if end := parts.pop("UNTIL", ""):
        last, begun = end[:8], f"{start:%m%d}"
        until = min(until, int(last[:4]) - (last[4:] < begun))
    if parts:
        raise ValueError(f"a recurrence with {', '.join(sorted(parts))[:64]}")
    return True, until
