import re
from pathlib import Path

import pytest

from bridge.turn.options import TurnOptions
from tests.turn.document import RULES, TEXT


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_is_quoted_by_a_test(rule):
    sources = "\n".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    quoted = {
        "".join(re.findall(r'"(.*?)"', call, re.DOTALL))
        for call in re.findall(r"^rule\((.*?)\)$", sources, re.DOTALL | re.MULTILINE)
    }
    assert rule in quoted


def test_every_option_is_documented_with_its_default():
    table = dict(re.findall(r"^\| `(\w+)` \| (-?[\d.]+) \|", TEXT, re.MULTILINE))
    assert table == {name: str(field.default) for name, field in TurnOptions.model_fields.items()}
