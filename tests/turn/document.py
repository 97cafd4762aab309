"""docs/turn-taking.md, which the tests quote."""

import re
from pathlib import Path

TEXT = (Path(__file__).parents[2] / "docs" / "turn-taking.md").read_text()
RULES = {re.sub(r"\s+", " ", rule) for rule in re.findall(r"\*\*(.+?)\*\*", TEXT, re.DOTALL)}
"""Its sentences in bold."""


def rule(sentence: str) -> str:
    """Quote a rule that the test file proves; fails when the document does not say so."""
    assert sentence in RULES, f"docs/turn-taking.md has no rule {sentence!r}"
    return sentence
