"""Asterisk's patterns: `_+1NXXNXXXXXX`.

X is 0 to 9, Z 1 to 9, N 2 to 9 (in either case), `[2-59]` one of these, `.` at the end one or more
characters of any kind, `!` at the end none or more. Every other character stands for itself; `-`
outside brackets is only there for the eye. Other than in Asterisk the first route that matches
wins, not the most specific pattern.
"""

from dataclasses import dataclass
from functools import lru_cache

MAX_PATTERN = 128
"""Characters of a pattern."""

_DIGITS = "0123456789"
_CLASSES = {"X": frozenset(_DIGITS), "Z": frozenset(_DIGITS[1:]), "N": frozenset(_DIGITS[2:])}


@dataclass(frozen=True, slots=True)
class Pattern:
    """One element a character; `rest` is how many more characters there must be, None for none."""

    elements: tuple[str | frozenset[str], ...]
    rest: int | None = None

    def matches(self, text: str) -> bool:
        more = len(text) - len(self.elements)
        if more < 0 or (self.rest is None and more > 0) or (self.rest and more < self.rest):
            return False
        # A character is in a text of one just when it is that character.
        return all(
            character in element for character, element in zip(text, self.elements, strict=False)
        )


def exact(number: str) -> Pattern:
    return Pattern(tuple(number))


def prefix(number: str) -> Pattern:
    return Pattern(tuple(number), 0)


@lru_cache(maxsize=65_536)
def parse(text: str) -> Pattern:
    """Read a pattern, with or without its `_`. Raises ValueError, which does not repeat it."""
    if len(text) > MAX_PATTERN:
        raise ValueError(f"the pattern has more than {MAX_PATTERN} characters")
    elements: list[str | frozenset[str]] = []
    text = text.removeprefix("_")
    at = 0
    while at < len(text):
        character = text[at]
        at += 1
        if character in ".!":
            if at < len(text):
                raise ValueError(f"a {character} stands before the end of the pattern")
            return Pattern(tuple(elements), 1 if character == "." else 0)
        if character == "[":
            end = text.find("]", at)
            if end <= at:
                raise ValueError("a [ is not closed, or holds nothing")
            elements.append(_set(text[at:end]))
            at = end + 1
        elif character.upper() in _CLASSES:
            elements.append(_CLASSES[character.upper()])
        elif character != "-":
            if not (character.isascii() and character.isprintable()) or character in ' ]"<>@;:%\\':
                raise ValueError("a character that no number has")
            elements.append(character)
    if not elements:
        raise ValueError("the pattern is empty")
    return Pattern(tuple(elements))


def _set(members: str) -> frozenset[str]:
    found: set[str] = set()
    at = 0
    while at < len(members):
        low = high = members[at]
        if members[at + 1 : at + 2] == "-" and at + 2 < len(members):
            high = members[at + 2]
            at += 2
        at += 1
        if not (low.isascii() and high.isascii() and low <= high):
            raise ValueError("a range in [ ] does not go up within ASCII")
        found |= {chr(code) for code in range(ord(low), ord(high) + 1)}
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class PatternList:
    """Numbers and patterns, of which any may match."""

    numbers: frozenset[str]
    patterns: tuple[tuple[str, Pattern], ...]

    @classmethod
    def of(cls, entries: tuple[str, ...]) -> "PatternList":
        """Entries with a `_` in front are patterns, the others numbers."""
        return cls(
            frozenset(entry for entry in entries if not entry.startswith("_")),
            tuple((entry, parse(entry)) for entry in entries if entry.startswith("_")),
        )

    def find(self, number: str) -> str:
        """The entry that the number matches, or nothing."""
        if number in self.numbers:
            return number
        return next((entry for entry, pattern in self.patterns if pattern.matches(number)), "")
