import pytest

from tests.config.files import AGENT, TRUNK, faults, read

BASE = f'{TRUNK}{AGENT}[dialplan.times.office]\ntimezone = "UTC"\n'
ROUTE = '[[dialplan.routes]]\nnumber = "1"\n'


@pytest.mark.parametrize(
    ("text", "path", "fault"),
    [
        ('agents = ["parrot", "parot"]', "routes[0].agents[1]", "no such agent (did you mean"),
        ("split = { parot = 1 }", "routes[0].split.parot", "no such agent (did you mean"),
        ('forward = "man"', "routes[0].forward", "no such trunk (did you mean"),
        ('agent = "parrot"\ntrunks = ["x"]', "routes[0].trunks[0]", "no such trunk"),
        ('agent = "parrot"\nduring = ["offic"]', "routes[0].during[0]", "no such times (did"),
    ],
)
def test_of_a_route(text, path, fault):
    (told,) = faults(BASE + ROUTE + text)
    assert f"dialplan.{path}: there " in told and fault in told


@pytest.mark.parametrize(
    "text",
    [
        "[dialplan.limits.agents.x]\nmax_calls = 1",
        "[dialplan.limits.trunks.x]\nmax_calls = 1",
        '[[dialplan.outbound.rules]]\ntrunks = ["x"]',
    ],
)
def test_of_limits_and_rules(text):
    (told,) = faults(BASE + text)
    assert "there is no such" in told


def test_a_calendar_is_the_text_of_a_file(tmp_path):
    day = "BEGIN:VEVENT\nDTSTART;VALUE=DATE:20261224\nEND:VEVENT"
    (tmp_path / "holidays.ics").write_text(f"BEGIN:VCALENDAR\n{day}\nEND:VCALENDAR\n")
    text = BASE + 'calendar = "${file:holidays.ics}"\n'
    (event,) = read(text, folder=tmp_path).dialplan.times["office"].schedule.holidays
    assert event.start.day == 24
    (tmp_path / "holidays.ics").write_text("BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VEVENT\n")
    (told,) = faults(text, folder=tmp_path)
    assert told.endswith("dialplan.times.office: line 3 of the calendar: an event without DTSTART")
