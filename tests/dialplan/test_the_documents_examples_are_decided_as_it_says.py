import pytest

from dialplan import Answer, CallFacts, decide, normalize
from tests.dialplan.document import examples, normalized


@pytest.mark.parametrize(
    ("example", "called", "expected"),
    [(e, called, result) for e in examples() for called, result in e.rows],
    ids=lambda value: getattr(value, "title", value) or "no number",
)
def test_an_example_decides_as_its_table_says(example, called, expected):
    decision = decide(example.plan, CallFacts(called))
    if isinstance(decision, Answer):
        assert f"agent `{decision.agent}`" == expected
    else:
        assert f"{decision.code} {decision.reason}" == expected
    assert decision.why


@pytest.mark.parametrize(("called", "expected"), normalized())
def test_a_number_is_compared_as_the_table_says(called, expected):
    if expected == "refused":
        with pytest.raises(ValueError):
            normalize(called)
    else:
        assert normalize(called) == expected


def test_the_document_was_read():
    assert len(examples()) >= 5
    assert len(normalized()) >= 10
