import contextlib
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialplan import Times


def calendar(*events):
    body = "".join(f"BEGIN:VEVENT\r\nUID:1\r\n{event}\r\nEND:VEVENT\r\n" for event in events)
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{body}END:VCALENDAR\r\n"


def closed(text, at, zone="Europe/Berlin"):
    times = Times(timezone=zone, hours=("00:00-24:00",), calendar=text)
    return not times.schedule.is_open(dt.datetime.fromisoformat(at))[0]


def test_a_day():
    text = calendar("DTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20261225\r\nSUMMARY:Eve")
    assert closed(text, "2026-12-24T00:00+01:00") and closed(text, "2026-12-24T23:59+01:00")
    assert not closed(text, "2026-12-25T00:00+01:00") and not closed(text, "2027-12-24T12:00+01:00")


def test_a_day_without_an_end():
    assert closed(calendar("DTSTART;VALUE=DATE:20261224"), "2026-12-24T23:00+01:00")
    assert not closed(calendar("DTSTART;VALUE=DATE:20261224"), "2026-12-25T00:00+01:00")


def test_a_range_that_is_folded_over_two_lines():
    text = calendar("DTSTART;VALUE=DATE:2026\r\n 1228\r\nDTEND;VALUE=DATE:20270102")
    assert closed(text, "2027-01-01T12:00+01:00") and not closed(text, "2027-01-02T12:00+01:00")


@pytest.mark.parametrize(
    "start", ["DTSTART:20261224T110000Z", "DTSTART;TZID=America/New_York:20261224T060000"]
)
def test_hours_in_another_zone(start):
    text = calendar(f"{start}\r\nDURATION:PT2H")
    assert closed(text, "2026-12-24T12:00+01:00") and closed(text, "2026-12-24T13:59+01:00")
    assert not closed(text, "2026-12-24T14:00+01:00")


def test_each_year_until():
    text = calendar("DTSTART;VALUE=DATE:20201225\r\nRRULE:FREQ=YEARLY;UNTIL=20251225")
    assert closed(text, "2025-12-25T12:00+01:00")
    assert not closed(text, "2026-12-25T12:00+01:00") and not closed(text, "2019-12-25T12:00+01:00")
    assert closed(calendar("DTSTART:20201225\r\nRRULE:FREQ=YEARLY"), "2030-12-25T12:00+01:00")


def test_a_leap_day_comes_in_leap_years():
    text = calendar("DTSTART;VALUE=DATE:20240229\r\nRRULE:FREQ=YEARLY")
    assert closed(text, "2028-02-29T12:00+01:00") and not closed(text, "2027-03-01T12:00+01:00")


def test_what_was_cancelled_is_no_holiday():
    text = calendar("DTSTART;VALUE=DATE:20261224\r\nSTATUS:CANCELLED")
    assert not closed(text, "2026-12-24T12:00+01:00")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("hello", "not an iCalendar file"),
        (calendar("SUMMARY:x"), "line 6 of the calendar: an event without DTSTART"),
        (calendar("DTSTART:2026"), "not a date or time"),
        (calendar("DTSTART:20260230"), "line 6"),
        (calendar("DTSTART:20261224\r\nRRULE:FREQ=WEEKLY"), "other than each year"),
        (calendar("DTSTART:20261224\r\nRRULE:FREQ=YEARLY;BYDAY=4TH"), "with BYDAY"),
        (calendar("DTSTART:20261224\r\nEXDATE:20261224"), "EXDATE is not understood"),
        (calendar("DTSTART;TZID=Mars:20261224T100000"), "no zone"),
        (calendar("DTSTART:20261224\r\nDTEND:20261223"), "ends before"),
    ],
)
def test_what_would_change_the_days_unseen_is_refused(text, fault):
    with pytest.raises(ValueError, match=fault):
        Times(timezone="UTC", calendar=text)


@given(st.text(max_size=200), st.text("DTSARTENDURLE:;=20261P\r\n", max_size=200))
def test_any_text_is_a_calendar_or_refused(one, other):
    for text in (one, calendar(one), calendar(other)):
        with contextlib.suppress(ValueError):
            closed(text, "2026-12-24T12:00+01:00")
