import re
from pathlib import Path

from sip_plugin.sip.causes import CAUSES, who

DOCUMENT = (Path(__file__).parents[2] / "docs" / "calls.md").read_text()


def test_the_table_has_every_cause_with_its_state_and_who_did_it():
    rows = {}
    row = r"(?m)^\| (`[a-z_`, ]+`) \| (\w+) \| ([\w, ]+) \|"
    for names, state, by in re.findall(row, DOCUMENT):
        for name in re.findall(r"`(\w+)`", names):
            rows[name] = (state, by)
    assert rows.keys() == CAUSES.keys()
    for name, (state, by) in rows.items():
        cause = CAUSES[name]
        assert state == cause.state, name
        possible = {who(cause, direction) for direction in ("inbound", "outbound")}
        told = set(by.split(", "))
        assert told <= possible, (name, possible)
