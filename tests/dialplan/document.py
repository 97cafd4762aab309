"""The tables and examples of docs/dialplan.md."""

import re
import tomllib
from pathlib import Path
from typing import NamedTuple

from dialplan import Dialplan, Numbering, Plan

_TEXT = (Path(__file__).parents[2] / "docs" / "dialplan.md").read_text()


class Example(NamedTuple):
    title: str
    toml: str
    dialplan: Dialplan
    rows: list[dict[str, str]]
    """Cells by the heads of their columns."""


def normalized() -> list[tuple[str, str]]:
    """Pairs of the table under "Numbers"."""
    section = _TEXT.split("## Numbers\n")[1].split("### Numbers of a trunk")[0]
    return [(_code(row["called"]), _code(row["compared as"])) for row in _table(section)]


def examples() -> list[Example]:
    sections = _TEXT.split("## Examples")[1].split("\n## ")[0].split("### ")[1:]
    return [_example(section) for section in sections]


def _example(section: str) -> Example:
    block = re.search(r"```toml\n(.*?)```", section, re.DOTALL)
    assert block, "an example has its TOML"
    tables = tomllib.loads(block[1])
    numberings = {
        name: Numbering.model_validate(trunk["numbers"])
        for name, trunk in tables.get("trunks", {}).items()
    }
    plan = Plan.model_validate(tables["dialplan"])
    title = section.partition("\n")[0]
    return Example(title, block[1], Dialplan(plan, numberings), _table(section))


def _table(section: str) -> list[dict[str, str]]:
    lines = re.findall(r"^\|(.*)\|$", section, re.MULTILINE)
    heads, _, *rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    return [dict(zip(heads, row, strict=True)) for row in rows]


def _code(cell: str) -> str:
    return cell.strip("`")
