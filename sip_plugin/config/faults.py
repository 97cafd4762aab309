"""What pydantic found, said in the words of the file.

No message repeats a value of the file: it may be a secret, or have been put where another belongs.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from sip_plugin.config.models import Config
from sip_plugin.config.nearest import did_you_mean, nearest
from sip_plugin.config.positions import Path

_WANTS = {"int_type": int, "float_type": float, "bool_type": bool}
_PLAIN = {
    "missing": "this key is required",
    "string_type": "must be a string, in quotes",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false, without quotes",
    "finite_number": "must be a finite number",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "dict_type": "must be a table",
    "tuple_type": "must be a list, in [ ]",
    "list_type": "must be a list, in [ ]",
}
# Filled from the limits that pydantic reports, which come from the models, not from the file.
_LIMITS = {
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have at least {min_length} character(s)",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} item(s)",
    "too_long": "must have at most {max_length} items",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
}


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, and where."""

    path: Path
    message: str
    depends_on: tuple[Path, ...] = ()
    """Where else the cause may be: nothing new is said when that is already reported."""
    wants: type | None = None
    """The key takes this instead of a string."""
    unknown: bool = False
    """The key itself is the fault, whatever its value."""
    meant: Path | None = None
    """The key that was meant by an unknown one."""


def translate(errors: Iterable[ErrorDetails]) -> list[Fault]:
    """Translate the errors of one validation, unknown keys first: others may follow from them."""
    found = [fault for error in errors for fault in _fault(error)]
    return sorted(found, key=lambda fault: not fault.unknown)


def _fault(error: ErrorDetails) -> list[Fault]:
    path, kind, context = error["loc"], error["type"], error.get("ctx", {})
    if kind == "config_problems":
        return [
            Fault(
                (*path, *problem.path),
                problem.message,
                tuple((*path, *other) for other in problem.depends_on),
            )
            for problem in context["problems"]
        ]
    if path and path[-1] == "[key]":
        return [Fault(path[:-1], "a name has 1 to 64 of the characters A-Z a-z 0-9 _ -")]
    if kind == "extra_forbidden":
        return [_unknown(path)]
    return [Fault(path, _message(kind, context), wants=_WANTS.get(kind))]


def _message(kind: str, context: Mapping[str, Any]) -> str:
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind in _LIMITS:
        return re.sub(r"'([^']*)'", r'"\1"', _LIMITS[kind].format(**context))
    if kind == "value_error":
        return str(context["error"])
    return f"is not valid ({kind})"


def _unknown(path: Path) -> Fault:
    *parents, key = path
    name = str(key)
    siblings = _keys_of(_type_at(parents))
    hint = did_you_mean(name, siblings)
    meant = nearest(name, siblings)
    if not hint:
        elsewhere = [
            table for table in ("sip", "media", "service") if name in _keys_of(_type_at([table]))
        ]
        hint = f" (it belongs into [{elsewhere[0]}])" if elsewhere else ""
    if not hint and siblings:
        hint = f" (known here: {', '.join(siblings)})"
    return Fault(
        path, f"unknown key{hint}", unknown=True, meant=(*parents, meant) if meant else None
    )


def stand_in(path: Path) -> Any:
    """A valid value for a key that its table may not do without, in place of a wrong or missing
    one; None for others."""
    *parents, key = path
    kind = _type_at(parents)
    field = kind.model_fields.get(str(key)) if _is_model(kind) else None
    return field.examples[0] if field and field.examples else None


def _type_at(path: Iterable[str | int]) -> Any:
    """The type that the models give to what lies at a path."""
    kind: Any = Config
    for key in path:
        if _is_model(kind):
            field = kind.model_fields.get(str(key))
            kind = field.annotation if field else None
        elif get_origin(kind) in (dict, tuple, list):
            # dict[name, T] and tuple[T, ...]
            kind = next(arg for arg in reversed(get_args(kind)) if arg is not Ellipsis)
        else:
            return None
    if get_origin(kind) in (Union, UnionType):
        kind = next(arg for arg in get_args(kind) if arg is not type(None))
    return kind


def _keys_of(kind: Any) -> list[str]:
    return list(kind.model_fields) if _is_model(kind) else []


def _is_model(kind: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
