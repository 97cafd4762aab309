import datetime as dt

import pytest

from dialplan import Answer, CallFacts, Dial, normalize
from dialplan.describe import decided
from tests.config.files import AGENT, faults
from tests.dialplan.document import examples, normalized
from tests.peers.waves import tone, write_wav

ROWS = [(example, row) for example in examples() for row in example.rows]
INBOUND = [(example, row) for example, row in ROWS if "called" in row]
OUTBOUND = [(example, row) for example, row in ROWS if "number" in row]


def title(value):
    return getattr(value, "title", None) or " ".join(value.values())


def cell(row, column):
    return row.get(column, "").replace("`", "")


@pytest.mark.parametrize(("example", "row"), INBOUND, ids=title)
def test_an_inbound_call(example, row):
    header, equals, value = cell(row, "header").partition("=")
    headers = {header: value} if equals else {}
    facts = CallFacts(cell(row, "called"), cell(row, "caller"), cell(row, "trunk"), headers)
    at = dt.datetime.fromisoformat(cell(row, "at")) if cell(row, "at") else None
    decision = example.dialplan.decide(facts, at)
    assert decided(decision) == cell(row, "decision")
    assert decision.why
    if cell(row, "variables"):
        assert isinstance(decision, Answer)
        told = [f"{name}={text}" for name, text in decision.variables.items()]
        assert told == cell(row, "variables").split()


@pytest.mark.parametrize(("example", "row"), OUTBOUND, ids=title)
def test_an_outbound_call(example, row):
    outbound = example.dialplan.plan.outbound
    decision = outbound.decide(cell(row, "number"), cell(row, "trunk"), cell(row, "as"))
    told = str(getattr(decision, "code", ""))
    if isinstance(decision, Dial):
        told = f"{decision.number} over {', '.join(decision.trunks)} as {decision.caller_id}"
    assert told == cell(row, "outbound")


@pytest.mark.parametrize(("called", "expected"), normalized())
def test_a_number_is_compared_as_the_table_says(called, expected):
    if expected == "refused":
        with pytest.raises(ValueError):
            normalize(called)
    else:
        assert normalize(called) == expected


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.title)
def test_an_example_is_a_valid_part_of_a_file(example, tmp_path):
    plan = example.dialplan.plan
    agents = {agent for _, agent in plan.agents_used()}
    trunks = {trunk for _, trunk in plan.trunks_used()}
    text = example.toml
    text += "".join(AGENT.replace("parrot", agent) for agent in sorted(agents))
    for trunk in sorted(trunks):
        text += f'[trunks.{trunk}]\ndomain = "192.0.2.1"\n'
        text += 'require_registration = false\nallow_from = ["192.0.2.1"]\n'
    for _, outcome in plan.outcomes():
        if outcome.prompt:
            write_wav(tmp_path / outcome.prompt, tone(440, 0.1))
    assert faults(text, folder=tmp_path) == []


def test_the_document_was_read():
    assert len(examples()) >= 9
    assert len(INBOUND) >= 38
    assert len(OUTBOUND) >= 12
    assert len(normalized()) >= 10
