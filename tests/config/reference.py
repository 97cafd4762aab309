"""The rows that docs/configuration.md must have, derived from the models.

`python -m tests.config.reference` prints what the document lacks or says otherwise.
"""

import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

import annotated_types
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from dialplan import Default
from sip_plugin.config import Config

DOCUMENT = Path(__file__).parents[2] / "docs" / "configuration.md"


ANY = "text"
"""The range of a key whose limits only prose can tell: the document words it freely."""


class Row(NamedTuple):
    """One key: its table (`trunks.NAME`), name, default and range as the document words them."""

    table: str
    key: str
    default: str
    range: str


def expected() -> list[Row]:
    return list(_rows("", Config))


def documented() -> list[Row]:
    """The first three cells of each row of the document's key tables."""
    rows, table = [], ""
    for line in DOCUMENT.read_text().splitlines():
        if heading := re.match(r"#+ `\[+([A-Za-z._]+)\]+`", line):
            table = heading[1]
        if row := re.match(r"\| `(\w+)` \| ([^|]+?) \| ([^|]+?) \| [^|]*\w[^|]* \|$", line):
            rows.append(Row(table, *row.groups()))
    return rows


def differences() -> tuple[list[Row], list[Row]]:
    """Rows that the document lacks, and rows that it has but should not."""
    want, have = expected(), documented()
    free = {(row.table, row.key) for row in want if row.range == ANY}
    have = [row._replace(range=ANY) if (row.table, row.key) in free else row for row in have]
    return [row for row in want if row not in have], [row for row in have if row not in want]


def _rows(table: str, model: type[BaseModel]) -> Iterator[Row]:
    for key, field in model.model_fields.items():
        path = f"{table}.{key}".removeprefix(".")
        if (inner := _model_in(field.annotation)) is Default:
            continue  # the keys of a route's outcome, which the document refers to
        if inner:
            named = get_origin(field.annotation) is dict
            yield from _rows(f"{path}.NAME" if named else path, inner)
        else:
            yield Row(table, key, _default(field), _range(field))


def _model_in(kind: Any) -> type[BaseModel] | None:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next(filter(None, map(_model_in, get_args(kind))), None)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default is None:
        return "none"
    return f"`{_toml(field.default)}`"


def _toml(value: Any) -> str:
    match value:
        case SecretStr():
            return _toml(value.get_secret_value())
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case dict():
            return "{}"
    return str(value)


def _range(field: FieldInfo) -> str:
    kind = _given(field.annotation)
    if get_origin(kind) is Literal:
        return _words(map(_toml, get_args(kind)))
    if kind is bool:
        return "`true` or `false`"
    if kind in (int, float):
        return _limits(field)
    if get_origin(kind) is tuple:
        element = get_args(kind)[0]
        if isinstance(element, type) and issubclass(element, Enum):
            return f"list of {_words(_toml(str(member)) for member in element)}"
        return f"list of up to {_bounds(field)['max_length']} texts"
    if kind is SecretStr:
        return "secret"
    if get_origin(kind) is dict:
        return f"table of up to {_bounds(field)['max_length']}"
    longest = _bounds(field).get("max_length")
    return f"text of up to {longest} characters" if longest else ANY


def _given(kind: Any) -> Any:
    """What a key holds that is not left out: `int` of `int | None`."""
    kinds = [part for part in get_args(kind) if part is not type(None)]
    return kinds[0] if type(None) in get_args(kind) and len(kinds) == 1 else kind


def _words(values: Any) -> str:
    quoted = [f"`{value}`" for value in values]
    return " or ".join(filter(None, (", ".join(quoted[:-1]), quoted[-1])))


def _bounds(field: FieldInfo) -> dict[str, Any]:
    names = {
        annotated_types.Ge: "ge",
        annotated_types.Gt: "gt",
        annotated_types.Le: "le",
        annotated_types.Lt: "lt",
        annotated_types.MaxLen: "max_length",
    }
    return {
        names[type(bound)]: getattr(bound, names[type(bound)])
        for bound in field.metadata
        if type(bound) in names
    }


def _limits(field: FieldInfo) -> str:
    bounds = {name: f"{value:.12g}" for name, value in _bounds(field).items()}
    low = bounds.get("ge") or f"above {bounds['gt']}"
    high = bounds.get("le") or f"below {bounds['lt']}"
    return f"{low} to {high}"


if __name__ == "__main__":
    missing, wrong = differences()
    for row in missing:
        print(f"[{row.table}] | `{row.key}` | {row.default} | {row.range} |")
    for row in wrong:
        print(f"not so: {row}")
