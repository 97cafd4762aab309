import re
from pathlib import Path

import pytest

from bridge.turn.options import TurnOptions
from bridge.turn.presets import PRESETS
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
    defaults = TurnOptions.model_fields.items()
    written = {name: _written(field.default) for name, field in defaults}
    assert _table(TEXT.partition("### Presets")[0]) == written


def test_the_preset_for_phones_is_documented():
    written = {name: _written(value) for name, value in PRESETS["phone"].items()}
    assert _table(TEXT.partition("### Presets")[2]) == written


def _table(text: str) -> dict[str, str]:
    return dict(re.findall(r"^\| `(\w+)` \| ([\w.-]+) \|", text, re.MULTILINE))


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
