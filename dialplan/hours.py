"""When something is open: `[dialplan.times.NAME]`.

Times are those of the wall clock in the zone. So a day begins at 09:00 in summer and winter; an
hour that comes twice in autumn counts twice, one that is left out in spring never comes.
"""

import datetime as dt
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from dialplan import calendar
from dialplan.part import Part

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d|24:00"
_HOURS = re.compile(rf"(?:(\S+)[ ]+)?({_CLOCK})-({_CLOCK})", re.ASCII)
_DATE = r"\d{4}-\d\d-\d\d"
_YEARLY = re.compile(r"(\d\d-\d\d)(?:\.\.(\d\d-\d\d))?", re.ASCII)
_HOLIDAY = re.compile(rf"({_DATE})(?:\.\.({_DATE}))?", re.ASCII)
_SPAN = re.compile(rf"({_DATE})(?: ({_CLOCK})-({_CLOCK}))?", re.ASCII)
_DAY = dt.timedelta(days=1)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError('not a time zone of the tz database, such as "Europe/Berlin"') from None
    return name


@dataclass(frozen=True, slots=True)
class Hours:
    """Minutes of the days from `start` to before `end`; beyond midnight when `end` is not after."""

    days: frozenset[int]
    start: int
    end: int
    text: str

    def covers(self, moment: dt.datetime) -> bool:
        minute = moment.hour * 60 + moment.minute
        today = moment.weekday() in self.days
        if self.start < self.end:
            return today and self.start <= minute < self.end
        yesterday = (moment.weekday() - 1) % 7 in self.days
        return (today and minute >= self.start) or (yesterday and minute < self.end)


@dataclass(frozen=True, slots=True)
class Span:
    start: dt.datetime
    end: dt.datetime
    text: str

    def covers(self, moment: dt.datetime) -> bool:
        return self.start <= moment < self.end


@dataclass(frozen=True, slots=True)
class YearlyDays:
    """Days of every year, as (month, day), both within; over the end of the year when the last
    comes before the first."""

    first: tuple[int, int]
    last: tuple[int, int]
    name: str

    def covers(self, moment: dt.datetime) -> bool:
        day = (moment.month, moment.day)
        if self.first <= self.last:
            return self.first <= day <= self.last
        return day >= self.first or day <= self.last


def read_hours(text: str) -> Hours:
    """`09:00-17:00`, `mon-fri 09:00-17:00`, `sat,sun 10:00-13:00`. Raises ValueError."""
    match = _HOURS.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError('must be as "mon-fri 09:00-17:00", "sat,sun 10:00-12:30" or "22:00-06:00"')
    days: set[int] = set()
    for part in (match[1] or "mon-sun").split(","):
        first, dash, last = part.partition("-")
        if first not in _DAYS or (dash and last not in _DAYS):
            raise ValueError(f"a day must be one of {' '.join(_DAYS)}")
        begin, end = _DAYS.index(first), _DAYS.index(last or first)
        days |= {(begin + n) % 7 for n in range((end - begin) % 7 + 1)}
    start, end = _minutes(match[2]), _minutes(match[3])
    if start == 24 * 60:
        raise ValueError("24:00 can only be an end")
    return Hours(frozenset(days), start, end, text)


def read_holiday(text: str) -> "calendar.Event | YearlyDays":
    """`2026-12-24`, `2026-12-24..2026-12-26` (both within), or of every year: `12-25`,
    `12-24..01-01`."""
    if yearly := _YEARLY.fullmatch(text.strip()):
        first, last = (_date(f"2000-{day}") for day in (yearly[1], yearly[2] or yearly[1]))
        return YearlyDays((first.month, first.day), (last.month, last.day), text)
    match = _HOLIDAY.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            'must be as "2026-12-24", "2026-12-24..2026-12-26", "12-25" or "12-24..01-01"'
        )
    start, end = _date(match[1]), _date(match[2] or match[1])
    if end < start:
        raise ValueError("the range ends before it begins")
    return calendar.Event(start, end + _DAY, text)


def read_span(text: str) -> Span:
    """`2026-12-27` or `2026-12-27 10:00-14:00`."""
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        raise ValueError('must be as "2026-12-27" or "2026-12-27 10:00-14:00"')
    day = _date(match[1])
    start = dt.timedelta(minutes=_minutes(match[2] or "00:00"))
    end = dt.timedelta(minutes=_minutes(match[3] or "24:00"))
    return Span(day + start, day + end + (_DAY if end <= start else dt.timedelta()), text)


def _date(text: str) -> dt.datetime:
    try:
        found = dt.datetime.strptime(text, "%Y-%m-%d")
    except ValueError:
        raise ValueError("there is no such day") from None
    if not 1970 <= found.year <= 9000:
        raise ValueError("the year must be from 1970 to 9000")
    return found


def _minutes(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


def _read_by(read):
    def check(text: str) -> str:
        read(text)
        return text

    return AfterValidator(check)


class Times(Part):
    """`[dialplan.times.NAME]`: when something is open. The first that applies decides."""

    timezone: Annotated[str, AfterValidator(_zone)] = Field(
        max_length=64, examples=["Europe/Berlin"]
    )
    """Zone of the tz database."""

    closed: tuple[Annotated[str, _read_by(read_span)], ...] = Field((), max_length=1000)
    """First: days, or hours of a day, when it is closed whatever else is said."""

    open: tuple[Annotated[str, _read_by(read_span)], ...] = Field((), max_length=1000)
    """Second: days, or hours of a day, when it is open in spite of holidays and hours."""

    holidays: tuple[Annotated[str, _read_by(read_holiday)], ...] = Field((), max_length=1000)
    """Third: days when it is closed: dates, ranges, days and ranges of every year."""

    calendar: str = Field("", max_length=512 * 1024)
    """Holidays too: an iCalendar text."""

    hours: tuple[Annotated[str, _read_by(read_hours)], ...] = Field((), max_length=100)
    """Last: when it is open on a usual day."""

    @model_validator(mode="after")
    def _calendar_is_one(self) -> Self:
        if self.calendar:
            calendar.parse(self.calendar, ZoneInfo(self.timezone))
        return self

    @cached_property
    def schedule(self) -> "Schedule":
        zone = ZoneInfo(self.timezone)
        return Schedule(
            zone,
            tuple(map(read_span, self.closed)),
            tuple(map(read_span, self.open)),
            tuple(map(read_holiday, self.holidays))
            + (calendar.parse(self.calendar, zone) if self.calendar else ()),
            tuple(map(read_hours, self.hours)),
        )


@dataclass(frozen=True, slots=True)
class Schedule:
    zone: ZoneInfo
    closed: tuple[Span, ...]
    opened: tuple[Span, ...]
    holidays: tuple[calendar.Event | calendar.Recurring | YearlyDays, ...]
    hours: tuple[Hours, ...]

    def is_open(self, at: dt.datetime) -> tuple[bool, str]:
        """Whether it is open at a time, which must have a zone, and why."""
        moment = at.astimezone(self.zone).replace(tzinfo=None)
        shown = f"{_DAYS[moment.weekday()]} {moment:%Y-%m-%d %H:%M} {self.zone.key}"
        for span in self.closed:
            if span.covers(moment):
                return False, f'{shown} is closed by "{span.text}"'
        for span in self.opened:
            if span.covers(moment):
                return True, f'{shown} is opened by "{span.text}"'
        for day in self.holidays:
            if day.covers(moment):
                return False, f"{shown} is a holiday ({day.name or 'of the calendar'})"
        for hours in self.hours:
            if hours.covers(moment):
                return True, f'{shown} is within "{hours.text}"'
        return False, f"{shown} is outside the hours"
