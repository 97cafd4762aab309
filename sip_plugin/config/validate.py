"""From a document to a `Config`, or to all of its faults at once."""

import re
from typing import Any

from pydantic import ValidationError

from sip_plugin.config.document import Document
from sip_plugin.config.faults import Fault, stand_in, translate
from sip_plugin.config.models import Config
from sip_plugin.config.positions import Path
from sip_plugin.config.tree import Tree

MAX_ROUNDS = 16
"""Each round finds what the faults of the one before it hid; a table hides few."""

MAX_FAULTS = 100
"""Nobody reads more of them."""


def validate(document: Document) -> Config | list[Fault]:
    """Return the configuration, or its faults in no order. The document is used up.

    pydantic checks a table as a whole only when each of its keys is right. So what is wrong is
    reported and taken out, or replaced where it is required, and the whole is validated again,
    until nothing new comes up.
    """
    tree = Tree(document.tables)
    report = _Report(document.faults)
    for _ in range(MAX_ROUNDS):
        try:
            # As JSON, since strict mode then still takes lists for tuples and words for enums,
            # but no text for a number and no number for a boolean.
            config = Config.model_validate_json(tree.json(), strict=True)
        except ValidationError as error:
            errors = error.errors(include_url=False, include_input=False)[: 2 * MAX_FAULTS]
        else:
            return report.faults or config
        for detail in errors:
            detail["loc"] = tree.original(detail["loc"])
        faulty: list[Path] = []
        for fault in translate(errors):
            if fault.path in document.substituted:
                document.substituted.remove(fault.path)
                if (value := _read(tree.get(fault.path), fault.wants)) is not None:
                    tree.replace(fault.path, value)
                    continue
            report.add(fault)
            faulty.append(fault.path)
        for path in _outermost(faulty):
            if (value := stand_in(path)) is not None:
                tree.replace(path, value)
            else:
                tree.remove(path)
    return report.faults


class _Report:
    """The faults so far, without those that are only an echo of another one."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults[:MAX_FAULTS]
        self._meant: list[Path] = []
        self._silent: list[Path] = []
        """Echoes: taken out like the others, so what follows from that is none either."""

    def add(self, fault: Fault) -> None:
        if len(self.faults) >= MAX_FAULTS:
            return
        if not fault.unknown and self._is_echo(fault):
            self._silent.append(fault.path)
            return
        self.faults.append(fault)
        if fault.meant:
            self._meant.append(fault.meant)

    def _is_echo(self, fault: Fault) -> bool:
        told = [earlier.path for earlier in self.faults] + self._silent
        return (
            fault.path in self._meant
            or any(_related(fault.path, path) for path in told)
            or any(_related(cause, path) for cause in fault.depends_on for path in told)
            or any(_related(cause, path) for cause in fault.depends_on for path in self._meant)
        )


def _outermost(paths: list[Path]) -> list[Path]:
    """The paths that are not within another one of them."""
    all_of_them = set(paths)
    return [
        path
        for path in dict.fromkeys(paths)
        if not any(path[:length] in all_of_them for length in range(len(path)))
    ]


def _related(one: Path, other: Path) -> bool:
    length = min(len(one), len(other))
    return one[:length] == other[:length]


def _read(text: Any, wants: type | None) -> int | float | bool | None:
    """A substituted text as what its key wants, or None. Stricter than Python's own readings."""
    if not isinstance(text, str):
        return None
    if wants is bool:
        return {"true": True, "false": False}.get(text)
    if wants is int and re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        return int(text)
    if wants is float and re.fullmatch(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?", text):
        return float(text)
    return None
