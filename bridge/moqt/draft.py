"""What differs between drafts: numbers, layouts and which parameter may stand where."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import NamedTuple

from bridge.moqt.messages import Message, Param


class Kind(Enum):
    """How a field of a message, or a parameter's value, is written."""

    UINT8 = auto()
    VARINT = auto()
    OPTIONAL_VARINT = auto()
    """At the end of a message, where it may be missing."""
    LOCATION = auto()
    NAMESPACE = auto()
    TRACK = auto()
    NAME = auto()
    URI = auto()
    REASON = auto()
    REDIRECT = auto()
    """At the end of a message whose code is REDIRECT."""
    FILTER = auto()
    """A subscription filter, as bytes."""
    TOKENS = auto()
    PARAMETERS = auto()
    PAIRS = auto()
    """Key-Value-Pairs to the end of the message."""
    REST = auto()
    """Bytes to the end of the message."""


class Field(NamedTuple):
    name: str
    kind: Kind


class Layout(NamedTuple):
    number: int
    message: type[Message]
    fields: tuple[Field, ...]


@dataclass(frozen=True, eq=False)
class Draft:
    number: int
    alpn: str
    setup_type: int
    layouts: tuple[Layout, ...]
    openings: Set[type[Message]]
    """Messages that a request stream may begin with."""
    parameters: Mapping[Param, Kind]
    ranges: Mapping[Param, tuple[int, int]]
    """Smallest and largest value of those that do not take every one."""
    scopes: Mapping[type[Message], Set[Param]]
    """Which parameters a message takes."""

    @cached_property
    def by_number(self) -> dict[int, Layout]:
        return {layout.number: layout for layout in self.layouts}

    @cached_property
    def by_message(self) -> dict[type[Message], Layout]:
        return {layout.message: layout for layout in self.layouts}
