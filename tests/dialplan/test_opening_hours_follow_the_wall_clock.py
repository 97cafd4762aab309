import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialplan import Times

BERLIN = Times(timezone="Europe/Berlin", hours=("mon-fri 09:00-17:00",))


def is_open(times, at):
    return times.schedule.is_open(dt.datetime.fromisoformat(at))[0]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-27T08:00Z", True),  # Friday, CET: 09:00
        ("2026-03-27T07:59Z", False),
        ("2026-03-30T07:00Z", True),  # Monday after the change, CEST: 09:00
        ("2026-03-30T06:59Z", False),
        ("2026-03-30T15:00Z", False),
        ("2026-10-26T08:00Z", True),  # back to CET
        ("2026-10-26T07:00Z", False),
        ("2026-03-28T10:00Z", False),  # Saturday
    ],
)
def test_the_day_begins_at_nine_in_summer_and_winter(at, expected):
    assert is_open(BERLIN, at) == expected


def test_an_hour_that_comes_twice_counts_twice_and_one_left_out_never():
    night = Times(timezone="Europe/Berlin", hours=("sun 02:00-03:00",))
    begun = dt.datetime(2026, 10, 24, 22, tzinfo=dt.UTC)
    minutes = [begun + dt.timedelta(minutes=n) for n in range(24 * 60)]
    assert sum(night.schedule.is_open(minute)[0] for minute in minutes) == 120
    begun = dt.datetime(2026, 3, 28, 23, tzinfo=dt.UTC)
    minutes = [begun + dt.timedelta(minutes=n) for n in range(24 * 60)]
    assert sum(night.schedule.is_open(minute)[0] for minute in minutes) == 0


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-20T21:59Z", False),
        ("2026-11-20T22:00Z", True),
        ("2026-11-21T05:59Z", True),
        ("2026-11-21T06:00Z", False),
        ("2026-11-21T22:00Z", False),
        ("2026-11-20T03:00Z", False),
    ],
)
def test_a_night_belongs_to_the_day_it_began_on(at, expected):
    assert is_open(Times(timezone="UTC", hours=("fri 22:00-06:00",)), at) == expected


@pytest.mark.parametrize(
    ("at", "expected", "why"),
    [
        ("2026-12-24T10:00Z", False, "holiday"),
        ("2027-12-25T10:00Z", False, "holiday (12-25)"),
        ("2026-12-28T10:00Z", False, "2026-12-28..2026-12-31"),
        ("2026-12-31T23:59Z", False, "holiday"),
        ("2027-01-01T10:00Z", True, "within"),
        ("2026-12-29T10:30Z", True, "opened by"),
        ("2026-12-29T12:00Z", False, "holiday"),
        ("2026-11-23T12:30Z", False, 'closed by "2026-11-23 12:00-13:00"'),
        ("2026-11-23T13:00Z", True, "opened by"),
    ],
)
def test_exceptions_come_before_holidays_before_hours(at, expected, why):
    times = Times(
        timezone="UTC",
        hours=("00:00-24:00",),
        holidays=("2026-12-24", "12-25", "2026-12-28..2026-12-31"),
        open=("2026-12-29 10:00-12:00", "2026-11-23"),
        closed=("2026-11-23 12:00-13:00",),
    )
    found, reason = times.schedule.is_open(dt.datetime.fromisoformat(at))
    assert found == expected and why in reason


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("hours", "9:00-17:00"),
        ("hours", "mon-fri"),
        ("hours", "foo 09:00-17:00"),
        ("hours", "24:00-02:00"),
        ("hours", "09:00-25:00"),
        ("hours", "٠٩:00-17:00"),
        ("holidays", "2026-02-30"),
        ("holidays", "2026-12-26..2026-12-24"),
        ("holidays", "24.12.2026"),
        ("holidays", "02-30"),
        ("open", "12-25"),
        ("closed", "0001-01-01"),
    ],
)
def test_what_is_no_time_is_refused(key, text):
    with pytest.raises(ValueError):
        Times.model_validate({"timezone": "UTC", key: [text]})


@pytest.mark.parametrize("zone", ["Mars/Phobos", "", "../../etc/passwd", "/etc/localtime", "a\0b"])
def test_what_is_no_zone_is_refused(zone):
    with pytest.raises(ValueError):
        Times(timezone=zone)


@given(st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(8999, 1, 1), timezones=st.timezones()))
def test_any_moment_is_open_or_closed_with_a_reason(at):
    found, why = BERLIN.schedule.is_open(at)
    local = at.astimezone(BERLIN.schedule.zone)
    assert found == (local.weekday() < 5 and 9 <= local.hour < 17)
    assert why


@pytest.mark.parametrize(
    ("days", "closed", "opened"),
    [
        ("12-24..12-26", ["2026-12-24", "2031-12-26"], ["2026-12-23", "2026-12-27"]),
        ("12-24..01-01", ["2026-12-24", "2026-12-31", "2027-01-01"], ["2026-12-23", "2027-01-02"]),
        ("02-28..03-01", ["2028-02-29", "2027-02-28", "2027-03-01"], ["2028-03-02", "2027-03-02"]),
        ("02-29", ["2028-02-29"], ["2027-02-28", "2027-03-01"]),
    ],
)
def test_days_of_every_year_may_be_a_range(days: str, closed: list[str], opened: list[str]):
    schedule = Times(timezone="UTC", holidays=(days,), hours=("00:00-24:00",)).schedule
    for day, expected in [*((d, False) for d in closed), *((d, True) for d in opened)]:
        for clock in ("00:00", "23:59"):
            at = dt.datetime.fromisoformat(f"{day}T{clock}+00:00")
            assert schedule.is_open(at)[0] is expected, day
