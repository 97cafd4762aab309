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
    ("rule", "days", "others"),
    [
        ("FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", ["2026-11-26", "2027-11-25"], ["2027-11-26"]),
        ("FREQ=MONTHLY;BYDAY=-1TH", ["2026-12-31", "2027-01-28"], ["2026-12-24"]),
        ("FREQ=WEEKLY;BYDAY=TH,SA", ["2026-11-28", "2026-12-03"], ["2026-11-27"]),
        ("FREQ=WEEKLY;INTERVAL=2;UNTIL=20261215", ["2026-12-10"], ["2026-12-03", "2026-12-24"]),
        ("FREQ=DAILY;COUNT=3", ["2026-11-28"], ["2026-11-29"]),
        ("FREQ=YEARLY;INTERVAL=2", ["2028-11-26"], ["2027-11-26"]),
    ],
)
def test_days_that_come_again_by_a_rule(rule, days, others):
    text = calendar(f"DTSTART;VALUE=DATE:20261126\r\nRRULE:{rule}\r\nSUMMARY:Again")
    assert all(closed(text, f"{day}T12:00+01:00") for day in ["2026-11-26", *days])
    assert not any(closed(text, f"{day}T12:00+01:00") for day in others)


def test_hours_of_another_zone_keep_their_wall_clock_in_summer():
    # Noon in New York is 18:00 in Berlin, but 17:00 in the week in which only one of them has
    # changed its clocks.
    text = calendar(
        "DTSTART;TZID=America/New_York:20260309T120000\r\nDURATION:PT1H\r\n"
        "RRULE:FREQ=WEEKLY;UNTIL=20260330T160000Z"
    )
    assert closed(text, "2026-03-23T17:30+01:00") and not closed(text, "2026-03-23T18:30+01:00")
    assert closed(text, "2026-03-30T18:30+02:00") and not closed(text, "2026-04-06T18:30+02:00")


def test_days_that_were_left_out_added_and_moved():
    weekly = "UID:w\r\nDTSTART;VALUE=DATE:20261201\r\nRRULE:FREQ=WEEKLY;COUNT=4"
    text = calendar(
        weekly + "\r\nEXDATE;VALUE=DATE:20261208\r\nRDATE;VALUE=DATE:20261210,20261211",
        "UID:w\r\nRECURRENCE-ID;VALUE=DATE:20261215\r\nDTSTART;VALUE=DATE:20261216",
    )
    days = [f"2026-12-{day:02}" for day in range(1, 32)]
    assert [day for day in days if closed(text, f"{day}T12:00+01:00")] == [
        *("2026-12-01", "2026-12-10", "2026-12-11", "2026-12-16", "2026-12-22")
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("hello", "not an iCalendar file"),
        (calendar("SUMMARY:x"), "line 6 of the calendar: an event without DTSTART"),
        (calendar("DTSTART:2026"), "not a date or time"),
        (calendar("DTSTART:20260230"), "line 6"),
        (calendar("DTSTART:20261224\r\nRRULE:FREQ=HOURLY"), "line 7 of the calendar: a recurr"),
        (calendar("DTSTART:20261224\r\nRRULE:FREQ=WEEKLY;BYHOUR=3"), "WEEKLY with BYHOUR"),
        (calendar("DTSTART:20261224\r\nRRULE:FREQ=YEARLY;BYDAY=9XX"), "invalid .BYDAY."),
        (calendar("DTSTART:20261224\r\nRRULE:FREQ=DAILY;INTERVAL=0"), "with INTERVAL=0"),
        (calendar("DTSTART:20261224\r\nRRULE:FREQ=YEARLY;FREQ=DAILY"), "not a recurrence"),
        (calendar("DTSTART:20261224\r\nRRULE:BYDAY=MO"), "with FREQ="),
        (calendar("DTSTART:20261224\r\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), "never comes"),
        (calendar(*["DTSTART:19700101\r\nRRULE:FREQ=DAILY"] * 2), "too often"),
        (calendar(*["DTSTART:20261224\r\nRRULE:FREQ=MONTHLY;COUNT=2"] * 201), "too often"),
        (calendar("DTSTART:20261224\r\nEXRULE:FREQ=DAILY"), "EXRULE and more"),
        (calendar("DTSTART:20261224\r\nRECURRENCE-ID;RANGE=THISANDFUTURE:20261224"), "a RANGE"),
        (calendar("DTSTART:20261224\r\nRDATE;VALUE=PERIOD:20261224T0000Z/P1D"), "not a date"),
        (calendar("DTSTART;TZID=Mars:20261224T100000"), "no zone"),
        (calendar("DTSTART:20261224\r\nDTEND:20261223"), "ends before"),
    ],
)
def test_what_would_change_the_days_unseen_is_refused(text, fault):
    with pytest.raises(ValueError, match=fault):
        Times(timezone="UTC", calendar=text)


@given(
    st.text(max_size=200),
    st.text("DTSARTENDURLE:;=20261P\r\n", max_size=200),
    st.text("FREQYALDIWKBNT=;0123,-+MOSU"),
)
def test_any_text_is_a_calendar_or_refused(one, other, rule):
    ruled = calendar(f"DTSTART:20261224\r\nRRULE:FREQ=YEARLY;{rule}")
    for text in (one, calendar(one), calendar(other), ruled):
        with contextlib.suppress(ValueError):
            closed(text, "2026-12-24T12:00+01:00")
