"""The tables and examples of docs/dialplan.md."""

import re
import tomllib
from pathlib import Path
from typing import NamedTuple

from dialplan import Plan

_TEXT = (Path(__file__).parents[2] / "docs" / "dialplan.md").read_text()


class Example(NamedTuple):
    title: str
    plan: Plan
    rows: list[tuple[str, str]]


def normalized() -> list[tuple[str, str]]:
    """Pairs of the table under "Numbers"."""
    return _table(_TEXT.split("## Numbers")[1].split("## Examples")[0])


def examples() -> list[Example]:
    sections = _TEXT.split("## Examples")[1].split("\n## ")[0].split("### ")[1:]
    return [
        Example(
            title=section.partition("\n")[0],
            plan=Plan.model_validate(tomllib.loads(_toml(section))["dialplan"]),
            rows=_table(section),
        )
        for section in sections
    ]


def _toml(section: str) -> str:
    block = re.search(r"```toml\n(.*?)```", section, re.DOTALL)
    assert block, "an example has its TOML"
    return block[1]


def _table(section: str) -> list[tuple[str, str]]:
    rows = re.findall(r"^\|(.*)\|(.*)\|$", section, re.MULTILINE)[2:]
    return [(_cell(called), _cell(result)) for called, result in rows]


def _cell(text: str) -> str:
    code = re.fullmatch(r"`([^`]*)`", text.strip())
    return code[1] if code else text.strip()
