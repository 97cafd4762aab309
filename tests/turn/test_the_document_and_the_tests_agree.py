import re
from pathlib import Path

import pytest

from bridge.turn.options import TurnOptions
from tests.turn.document import RULES, TEXT

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_is_quoted_by_a_test(rule):
    sources = "\n".join(path.read_text() for path in ROOT.glob("*/test_*.py"))
    quoted = {
        "".join(re.findall(r'"(.*?)"', call, re.DOTALL))
        for call in re.findall(r"^rule\((.*?)\)$", sources, re.DOTALL | re.MULTILINE)
    }
    assert rule in quoted


def test_every_option_is_documented_with_its_default():
    table = dict(re.findall(r"^\| `(\w+)` \| ([\w.-]+) \|", TEXT, re.MULTILINE))
    defaults = TurnOptions.model_fields.items()
    assert table == {name: _written(field.default) for name, field in defaults}


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
