"""Where in a TOML text each key is. `tomllib` gives the values and forgets the lines."""

import tomllib
from collections.abc import Iterator

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

Path = tuple[str | int, ...]
"""Keys and array indices from the top: `("dialplan", "routes", 0, "number")`."""

MAX_DEPTH = 16
"""Nesting that is told apart; what lies deeper has the line of what is around it."""

_LANGUAGE = Language(tree_sitter_toml.language())


class Positions:
    """Lines (from 1) of the keys of one valid TOML document."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {}
        self._elements: dict[Path, int] = {}  # arrays of tables, with how many there were so far
        for node in Parser(_LANGUAGE).parse(text.encode()).root_node.named_children:
            if node.type == "pair":
                self._pair((), node)
            elif node.type in ("table", "table_array_element"):
                self._table(node)

    def line(self, path: Path) -> int:
        """Return the line of the key, or of what contains it when it is absent; 0 for the file."""
        for length in range(len(path), 0, -1):
            if line := self._lines.get(path[:length]):
                return line
        return 0

    def _table(self, node: Node) -> None:
        header, *pairs = node.named_children
        keys = _keys(header)
        path = self._resolve(keys[:-1])
        line = _line(node)
        if node.type == "table_array_element":
            array = (*path, keys[-1])
            index = self._elements.get(array, 0)
            self._elements[array] = index + 1
            path = (*array, index)
        else:
            path = self._resolve(keys)
        self._note(path, line)
        for pair in pairs:
            if pair.type == "pair":
                self._pair(path, pair)

    def _resolve(self, keys: list[str]) -> Path:
        """A header's keys go through the latest element of every array of tables on the way."""
        path: Path = ()
        for key in keys:
            path = (*path, key)
            if path in self._elements:
                path = (*path, self._elements[path] - 1)
        return path

    def _pair(self, table: Path, node: Node) -> None:
        pending: list[tuple[Path, Node]] = [(table, node)]
        while pending:  # not recursive: the nesting is the file's
            table, node = pending.pop()
            path, value = table, node
            if node.type == "pair":
                key, value = [child for child in node.named_children if child.type != "comment"]
                path = (*table, *_keys(key))
            self._note(path, _line(node))
            if len(path) < MAX_DEPTH:
                pending.extend(_parts(path, value))

    def _note(self, path: Path, line: int) -> None:
        for length in range(1, min(len(path), MAX_DEPTH) + 1):
            self._lines.setdefault(path[:length], line)


def _parts(path: Path, value: Node) -> Iterator[tuple[Path, Node]]:
    parts = [child for child in value.named_children if child.type != "comment"]
    if value.type == "inline_table":
        yield from ((path, pair) for pair in parts)
    elif value.type == "array":
        yield from (((*path, index), element) for index, element in enumerate(parts))


def _keys(node: Node) -> list[str]:
    """The keys of a bare, quoted or dotted key; quotes and escapes are tomllib's business."""
    text = (node.text or b"").decode()
    if node.type == "bare_key":
        return [text]
    document = tomllib.loads(f"{text} = 0")
    keys = []
    while isinstance(document, dict) and len(keys) < MAX_DEPTH:
        ((key, document),) = document.items()
        keys.append(key)
    return keys


def _line(node: Node) -> int:
    return node.start_point.row + 1
