"""Regular expressions that cannot run away.

Python's `re` backtracks: `(a+)+b` needs time that is exponential in the length of what a stranger
calls. Here an expression becomes a program that all alternatives run through side by side
(Thompson 1968, with Pike's captures), so the work is at most its size times the length of the
text, whatever the expression. What needs backtracking (back-references, lookaround, atomic and
possessive forms) is refused, and so is what would make a big program.
"""

from dataclasses import dataclass
from functools import lru_cache

from dialplan.regex_syntax import Alternatives, Chars, Edge, Group, Node, Repeat, Sequence, parse

MAX_PROGRAM = 500
"""Instructions; a counted repetition is written out, so `\\d{64}` has 64."""


@dataclass(frozen=True, slots=True)
class _Split:
    """Go on at both places; the first is preferred."""

    first: int
    second: int


@dataclass(frozen=True, slots=True)
class _Save:
    slot: int


_Instruction = Chars | Edge | _Split | _Save
_Slots = tuple[int, ...]


class Regex:
    """One expression, that a whole text is compared with. Raises ValueError when it is refused."""

    def __init__(self, expression: str) -> None:
        syntax = parse(expression)
        self._program: list[_Instruction | None] = []
        self._compile(syntax.node)
        self._slots = 2 * (syntax.groups + 1)
        self.names = syntax.names
        """Numbers of the named groups."""
        self.groups = syntax.groups

    @property
    def prefix(self) -> str:
        """What every text that matches begins with."""
        found = ""
        for instruction in self._program:
            match instruction:
                case Chars(of, negated) if len(of) == 1 and not negated:
                    found += next(iter(of))
                case _Save():
                    pass
                case _:
                    break
        return found

    def matches(self, text: str) -> bool:
        return self.captures(text) is not None

    def captures(self, text: str) -> dict[str, str] | None:
        """What the groups hold, by number and name (empty for those not taken part in), or None."""
        if (slots := self._run(text)) is None:
            return None
        found = {
            str(group): text[slots[2 * group] : slots[2 * group + 1]]
            if slots[2 * group] >= 0
            else ""
            for group in range(1, self.groups + 1)
        }
        return found | {name: found[str(group)] for name, group in self.names.items()}

    def _run(self, text: str) -> _Slots | None:
        """The slots of the preferred way through, in at most len(program) steps a character."""
        end = len(self._program)
        threads = self._follow([(0, (-1,) * self._slots)], 0, len(text))
        for at, character in enumerate(text):
            stepped = [
                (place + 1, slots)
                for place, slots in threads
                if place < end and self._program[place].has(character)  # type: ignore[union-attr]
            ]
            if not stepped:
                return None
            threads = self._follow(stepped, at + 1, len(text))
        return next((slots for place, slots in threads if place == end), None)

    def _follow(
        self, threads: list[tuple[int, _Slots]], at: int, length: int
    ) -> list[tuple[int, _Slots]]:
        """Go on to the next characters or the end, each place once, the preferred way first."""
        seen: set[int] = set()
        found: list[tuple[int, _Slots]] = []
        pending = threads[::-1]
        while pending:
            place, slots = pending.pop()
            if place in seen:
                continue
            seen.add(place)
            instruction = self._program[place] if place < len(self._program) else None
            match instruction:
                case _Split(first, second):
                    pending += [(second, slots), (first, slots)]
                case _Save(slot):
                    pending.append((place + 1, (*slots[:slot], at, *slots[slot + 1 :])))
                case Edge(at_end):
                    if at == (length if at_end else 0):
                        pending.append((place + 1, slots))
                case _:
                    found.append((place, slots))
        return found

    # --- from syntax to program ----------------------------------------------------------

    def _compile(self, node: Node) -> None:
        match node:
            case Chars() | Edge():
                self._emit(node)
            case Group(number, inner):
                self._emit(_Save(2 * number))
                self._compile(inner)
                self._emit(_Save(2 * number + 1))
            case Sequence(parts):
                for part in parts:
                    self._compile(part)
            case Alternatives(options):
                self._choose(options)
            case Repeat():
                self._repeat(node)

    def _choose(self, options: tuple[Node, ...]) -> None:
        exits = []
        for option in options[:-1]:
            split = self._emit(None)
            self._compile(option)
            exits.append(self._emit(None))
            self._program[split] = _Split(split + 1, len(self._program))
        self._compile(options[-1])
        end = len(self._program)
        for place in exits:
            self._program[place] = _Split(end, end)

    def _repeat(self, node: Repeat) -> None:
        for _ in range(node.least):
            self._compile(node.inner)
        if node.most is None:
            loop = self._emit(None)
            self._compile(node.inner)
            self._emit(_Split(loop, loop))
            self._branch(loop, node.greedy)
            return
        branches = []
        for _ in range(node.most - node.least):
            branches.append(self._emit(None))
            self._compile(node.inner)
        for place in branches:
            self._branch(place, node.greedy)

    def _branch(self, place: int, greedy: bool) -> None:
        """Into what follows the place, or past all of it."""
        into, past = place + 1, len(self._program)
        self._program[place] = _Split(into, past) if greedy else _Split(past, into)

    def _emit(self, instruction: _Instruction | None) -> int:
        if len(self._program) >= MAX_PROGRAM:
            raise ValueError(
                f"the expression is too big: written out it has more than {MAX_PROGRAM} steps; "
                "use smaller counts"
            )
        self._program.append(instruction)
        return len(self._program) - 1


@lru_cache(maxsize=4096)
def compiled(expression: str) -> Regex:
    """As `Regex`, kept: the check of a configuration and its use want the same one."""
    return Regex(expression)
