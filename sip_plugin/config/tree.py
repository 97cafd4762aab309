"""Nested values from which some are taken out, while the paths of the others stay the same."""

import json
from typing import Any

from sip_plugin.config.positions import Path

_REMOVED = object()


class Tree:
    """The tables of a document. Paths are the document's own, whatever was taken out since."""

    def __init__(self, tables: dict[str, Any]) -> None:
        self._tables = tables

    def json(self) -> str:
        """What is left, as JSON."""
        return json.dumps(_left(self._tables))

    def original(self, path: Path) -> Path:
        """Translate a path within what is left: indices move up when elements are taken out."""
        value: Any = self._tables
        found: list[str | int] = []
        for key in path:
            if isinstance(value, list) and isinstance(key, int):
                indices = [i for i, element in enumerate(value) if element is not _REMOVED]
                key = indices[key] if key < len(indices) else key
            found.append(key)
            value = _child(value, key)
        return tuple(found)

    def get(self, path: Path) -> Any:
        """The value at the path, or None."""
        value: Any = self._tables
        for key in path:
            value = _child(value, key)
        return None if value is _REMOVED else value

    def replace(self, path: Path, value: Any) -> None:
        """Put another value there, into a table or list that exists."""
        self.get(path[:-1])[path[-1]] = value

    def remove(self, path: Path) -> bool:
        """Take out what is at the path; if nothing is, the nearest thing around it.

        Returns False when there is nothing but the whole document.
        """
        for length in range(len(path), 0, -1):
            parent, key = self.get(path[: length - 1]), path[length - 1]
            if _child(parent, key) is _REMOVED:
                continue
            if isinstance(parent, dict):
                del parent[key]
            else:
                parent[key] = _REMOVED
            return True
        return False


def _child(value: Any, key: str | int) -> Any:
    inside_table = isinstance(value, dict) and key in value
    inside_list = isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value)
    return value[key] if inside_table or inside_list else _REMOVED


def _left(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _left(element) for key, element in value.items()}
    if isinstance(value, list):
        return [_left(element) for element in value if element is not _REMOVED]
    return value
