"""Texts with places for a call's facts: `{called}`, `{caller}`, `{called:3}`, `{extension}`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MAX_FILLED = 256
"""Characters of a filled text, which is what a model is told of one."""

_PLACE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_NAME = re.compile(
    r"(?P<name>header\.[A-Za-z0-9-]{1,64}|[A-Za-z][A-Za-z0-9_]*|[0-9]{1,2})"
    r"(?::(?P<start>-?[0-9]{1,2}))?"
)
_FACTS = frozenset({"called", "caller", "trunk"})


@dataclass(frozen=True, slots=True)
class _Place:
    name: str
    start: int


@dataclass(frozen=True, slots=True)
class Template:
    parts: tuple[str | _Place, ...]

    @classmethod
    def parse(cls, text: str) -> "Template":
        """Raises ValueError for a brace that is no place; `{{` and `}}` are braces."""
        parts: list[str | _Place] = []
        end = 0
        for match in _PLACE.finditer(text):
            parts.append(text[end : match.start()])
            end = match.end()
            if match[0] in ("{{", "}}"):
                parts.append(match[0][0])
                continue
            named = _NAME.fullmatch(match[1]) if match[1] else None
            if named is None:
                raise ValueError(
                    "a { } that is no place: write {called}, {caller}, {trunk}, "
                    "{header.x-name} or the name of a group, and {{ for a brace"
                )
            parts.append(_Place(named["name"].lower(), int(named["start"] or 0)))
        parts.append(text[end:])
        return cls(tuple(part for part in parts if part))

    def unknown(self, groups: frozenset[str]) -> Iterator[str]:
        """Names of places that neither a call's facts nor the groups of its route can fill."""
        known = _FACTS | {group.lower() for group in groups}
        names = [part.name for part in self.parts if isinstance(part, _Place)]
        yield from (n for n in names if n not in known and not n.startswith("header."))

    @property
    def headers(self) -> frozenset[str]:
        return frozenset(
            part.name.removeprefix("header.")
            for part in self.parts
            if isinstance(part, _Place) and part.name.startswith("header.")
        )

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with the values, bounded and on one line whatever they hold."""
        filled = "".join(
            part if isinstance(part, str) else values.get(part.name, "")[part.start :]
            for part in self.parts
        )
        return "".join(c if c.isprintable() else " " for c in filled)[:MAX_FILLED]
