"""The syntax of our regular expressions: that of Python's `re`, less what needs backtracking."""

from dataclasses import dataclass, field

MAX_EXPRESSION = 256
"""Characters of an expression."""
MAX_REPEAT = 64
MAX_DEPTH = 16

_DIGITS = frozenset("0123456789")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_CLASSES = {"d": _DIGITS, "w": _DIGITS | _LETTERS | {"_"}, "s": frozenset(" \t\n\r\f\v")}
_QUANTIFIERS = {"*": (0, None), "+": (1, None), "?": (0, 1)}


@dataclass(frozen=True, slots=True)
class Chars:
    """One character: of the set, or with `negated` not of it. Classes are those of ASCII."""

    of: frozenset[str]
    negated: bool = False

    def has(self, character: str) -> bool:
        return (character in self.of) != self.negated


@dataclass(frozen=True, slots=True)
class Edge:
    """The beginning or the end of the text."""

    at_end: bool


@dataclass(frozen=True, slots=True)
class Group:
    number: int
    inner: "Node"


@dataclass(frozen=True, slots=True)
class Sequence:
    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Alternatives:
    options: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    inner: "Node"
    least: int
    most: int | None
    greedy: bool


Node = Chars | Edge | Group | Sequence | Alternatives | Repeat


@dataclass(frozen=True, slots=True)
class Syntax:
    node: Node
    groups: int
    names: dict[str, int]


def parse(expression: str) -> Syntax:
    """Read an expression. Raises ValueError, which names the place but repeats no text."""
    if len(expression) > MAX_EXPRESSION:
        raise ValueError(f"the expression has more than {MAX_EXPRESSION} characters")
    parser = _Parser(expression)
    node = parser.alternatives()
    if parser.at < len(expression):
        raise parser.wrong("a ) closes nothing")
    return Syntax(node, parser.groups, parser.names)


@dataclass
class _Parser:
    text: str
    at: int = 0
    depth: int = 0
    groups: int = 0
    names: dict[str, int] = field(default_factory=dict)

    def alternatives(self) -> Node:
        options = [self._sequence()]
        while self._take("|"):
            options.append(self._sequence())
        return options[0] if len(options) == 1 else Alternatives(tuple(options))

    def _sequence(self) -> Node:
        parts = []
        while self.at < len(self.text) and not self._ahead("|", ")"):
            parts.append(self._repetition(self._atom()))
        return Sequence(tuple(parts))

    def _atom(self) -> Node:
        match self._next():
            case "(":
                return self._group()
            case "[":
                return self._set()
            case ".":
                return Chars(frozenset("\n"), negated=True)
            case "^":
                return Edge(at_end=False)
            case "$":
                return Edge(at_end=True)
            case "\\":
                return self._escape()
            case "*" | "+" | "?" | "{":
                raise self.wrong("a repetition of nothing")
            case character:
                return Chars(frozenset(character))

    def _group(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.wrong(f"groups lie more than {MAX_DEPTH} deep")
        number = 0
        if not self._take("?:"):
            self.groups += 1
            number = self.groups
            if self._take("?P<"):
                self._name()
            elif self._ahead("?"):
                raise self.wrong("of the (?…) only (?:…) and (?P<name>…) are taken")
        inner = self.alternatives()
        if not self._take(")"):
            raise self.wrong("a ( is not closed")
        self.depth -= 1
        return Group(number, inner) if number else inner

    def _name(self) -> None:
        end = self.text.find(">", self.at)
        name = self.text[self.at : max(end, self.at)]
        if not (name.isidentifier() and name.isascii()) or name in self.names:
            raise self.wrong("the name of a group is no word, or is used twice")
        self.at = end + 1
        self.names[name] = self.groups

    def _set(self) -> Chars:
        negated = self._take("^")
        found: set[str] = set()
        while True:
            low = self._member()
            if self._ahead("-") and not self._ahead("-]"):
                self._take("-")
                found |= self._range(low, self._member())
            else:
                found |= low
            if self._take("]"):
                return Chars(frozenset(found), negated)

    def _range(self, low: frozenset[str], high: frozenset[str]) -> set[str]:
        if len(low) != 1 or len(high) != 1 or not ord(*low) <= ord(*high) < 128:
            raise self.wrong("a range in [ ] does not go up within ASCII")
        return {chr(code) for code in range(ord(*low), ord(*high) + 1)}

    def _member(self) -> frozenset[str]:
        character = self._next()
        if character != "\\":
            return frozenset(character)
        escaped = self._escape()
        if escaped.negated:
            raise self.wrong("a negated class stands within [ ]")
        return escaped.of

    def _escape(self) -> Chars:
        character = self._next()
        if character in ("d", "w", "s", "D", "W", "S"):
            return Chars(_CLASSES[character.lower()], negated=character.isupper())
        if character.isalnum():
            raise self.wrong("of the escaped letters and digits only \\d \\w \\s are taken")
        return Chars(frozenset(character))

    def _repetition(self, atom: Node) -> Node:
        if not self._ahead("*", "+", "?", "{"):
            return atom
        character = self._next()
        least, most = _QUANTIFIERS[character] if character != "{" else self._count()
        greedy = not self._take("?")
        if self._ahead("*", "+", "?", "{"):
            raise self.wrong("a repetition is repeated: put ( ) around the inner one")
        return Repeat(atom, least, most, greedy)

    def _count(self) -> tuple[int, int | None]:
        end = self.text.find("}", self.at)
        low, comma, high = self.text[self.at : max(end, self.at)].partition(",")
        if not _is_count(low) or (high and not _is_count(high)):
            raise self.wrong("a { is not {n}, {n,} or {n,m}")
        self.at = end + 1
        least = int(low)
        most = (int(high) if high else None) if comma else least
        if max(least, most or 0) > MAX_REPEAT or (most is not None and most < least):
            raise self.wrong(f"a count goes down, or beyond {MAX_REPEAT}")
        return least, most

    def _ahead(self, *texts: str) -> bool:
        return self.text.startswith(texts, self.at)

    def _take(self, text: str) -> bool:
        taken = self._ahead(text)
        self.at += len(text) * taken
        return taken

    def _next(self) -> str:
        if self.at >= len(self.text):
            raise self.wrong("the expression ends too early")
        self.at += 1
        return self.text[self.at - 1]

    def wrong(self, what: str) -> ValueError:
        return ValueError(f"{what} (at character {self.at})")


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3
