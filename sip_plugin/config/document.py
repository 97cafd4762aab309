"""A parsed TOML document on its way to the models: plain values, references replaced."""

import datetime
import math
import re
import tomllib
from dataclasses import dataclass, field
from typing import Any

from sip_plugin.config.faults import Fault
from sip_plugin.config.positions import MAX_DEPTH, Path
from sip_plugin.config.substitute import Sources

_SYNTAX_PLACE = re.compile(r" \(at (?:line (?P<line>\d+), column \d+|end of document)\)$")
_INTEGERS = range(-(2**63), 2**63)  # TOML 1.0: what must be handled without loss


class SyntaxFault(Exception):
    """The text is not TOML. `line` is 0 when the fault has no place."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


@dataclass
class Document:
    """Values of JSON only: tables, lists, strings, 64-bit integers, finite floats, booleans."""

    tables: dict[str, Any]
    substituted: set[Path] = field(default_factory=set)
    """Strings that held a reference: they may stand for a number or a boolean."""
    faults: list[Fault] = field(default_factory=list)
    """Values that had to be left out."""


def parse(text: str) -> dict[str, Any]:
    """Parse TOML 1.0. Raises SyntaxFault."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise SyntaxFault(0, "nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise _syntax_fault(str(error), text) from None
    except ValueError:
        # Python refuses to convert integers of very many digits.
        digits = re.search(r"[0-9_]{1000}", text)
        line = text.count("\n", 0, digits.start()) + 1 if digits else 0
        raise SyntaxFault(line, "a number has too many digits") from None


def _syntax_fault(message: str, text: str) -> SyntaxFault:
    place = _SYNTAX_PLACE.search(message)
    if not place:
        return SyntaxFault(0, message)
    line = int(place["line"]) if place["line"] else text.rstrip("\n").count("\n") + 1
    return SyntaxFault(line, message[: place.start()])


def expand(tables: dict[str, Any], sources: Sources) -> Document:
    """Replace references, and leave out what no key of ours can take."""
    document = Document({})
    document.tables = _expand((), tables, sources, document)
    return document


def _expand(path: Path, value: Any, sources: Sources, document: Document) -> Any:
    match value:
        case dict() | list() if len(path) >= MAX_DEPTH:
            document.faults.append(Fault(path, "nested too deeply"))
            return None
        case dict():
            return {
                key: _expand((*path, key), element, sources, document)
                for key, element in value.items()
            }
        case list():
            return [
                _expand((*path, index), element, sources, document)
                for index, element in enumerate(value)
            ]
        case str():
            return _expand_string(path, value, sources, document)
        case bool():
            return value
        case int() if value not in _INTEGERS:
            document.faults.append(Fault(path, "a whole number has at most 64 bits"))
            return None
        case float() if not math.isfinite(value):
            document.faults.append(Fault(path, "must be a finite number"))
            return None
        case datetime.datetime() | datetime.date() | datetime.time():
            document.faults.append(
                Fault(path, "no key takes a date or time; a string needs quotes")
            )
            return None
    return value


def _expand_string(path: Path, text: str, sources: Sources, document: Document) -> str | None:
    try:
        expanded = sources.expand(text)
    except ValueError as error:
        document.faults.append(Fault(path, str(error)))
        return None
    if expanded != text:
        document.substituted.add(path)
    return expanded
