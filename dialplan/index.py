"""Which of many patterns may match a number, without trying each.

A trie over the characters: one walk visits only the nodes whose characters so far fit. It tells
candidates in the order of the routes, and every pattern that matches is one. An expression is put
where its fixed beginning ends, since all that it matches begins so.
"""

from dataclasses import dataclass, field

from dialplan.pattern import Pattern


@dataclass(slots=True)
class _Node:
    by_character: dict[str, "_Node"] = field(default_factory=dict)
    by_set: dict[frozenset[str], "_Node"] = field(default_factory=dict)
    here: list[int] = field(default_factory=list)
    """Patterns that end here."""
    with_rest: list[int] = field(default_factory=list)
    """Patterns that take anything from here on."""
    with_more: list[int] = field(default_factory=list)
    """The same, of at least one character."""


class Index:
    def __init__(self) -> None:
        self._root = _Node()
        self._exact: dict[str, list[int]] = {}
        """Apart from the trie, in which ten thousand numbers would be a hundred thousand nodes."""

    def add(self, pattern: Pattern, route: int) -> None:
        """Routes are added in their order."""
        if pattern.rest is None and all(isinstance(element, str) for element in pattern.elements):
            self._exact.setdefault("".join(map(str, pattern.elements)), []).append(route)
            return
        node = self._root
        for element in pattern.elements:
            if isinstance(element, str):
                node = node.by_character.setdefault(element, _Node())
            else:
                node = node.by_set.setdefault(element, _Node())
        ends = {None: node.here, 0: node.with_rest, 1: node.with_more}
        ends[pattern.rest].append(route)

    def candidates(self, number: str) -> list[int]:
        """Routes that may match, in no order, none twice."""
        found = list(self._exact.get(number, ()))
        nodes = [self._root]
        for character in number:
            following: list[_Node] = []
            for node in nodes:
                found += node.with_rest
                found += node.with_more
                if (child := node.by_character.get(character)) is not None:
                    following.append(child)
                for members, child in node.by_set.items():
                    if character in members:
                        following.append(child)
            nodes = following
            if not nodes:
                return found
        for node in nodes:
            found += node.here
            found += node.with_rest
        return found
