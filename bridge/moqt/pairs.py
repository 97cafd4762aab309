"""Key-Value-Pairs (draft 18, section 1.4.3): setup options, and properties of tracks and objects.

Types are written as differences from the one before. A value of an even type is an integer, of an
odd one bytes.
"""

from collections.abc import Iterable, Iterator

from bridge.moqt import varint
from bridge.moqt.errors import SessionCode, SessionError, violation
from bridge.moqt.limits import MAX_PAIR_VALUE, MAX_VARINT

Value = int | bytes
Pairs = tuple[tuple[int, Value], ...]
"""In ascending order of types; a type may come more than once."""

IMMUTABLE = 0x0B
"""A property that holds others."""


def encode(pairs: Iterable[tuple[int, Value]]) -> bytes:
    """Raises ValueError for a value that does not belong to its type."""
    out, before = bytearray(), 0
    for kind, value in sorted(pairs, key=lambda pair: pair[0]):
        out += varint.encode(kind - before)
        before = kind
        if isinstance(value, int) == bool(kind & 1):
            raise ValueError(f"type {kind:#x} does not take {value!r}")
        out += varint.encode(value) if isinstance(value, int) else varint.sized(value)
    return bytes(out)


def decode(data: bytes) -> Pairs:
    """Raises SessionError when they are malformed."""
    reader, kind = varint.Reader(data), 0
    out: list[tuple[int, Value]] = []
    try:
        while reader.left:
            kind += reader.varint()
            if kind > MAX_VARINT:
                raise violation("a pair's type over 64 bits")
            value = reader.sized(MAX_PAIR_VALUE, "a pair's value") if kind & 1 else reader.varint()
            out.append((kind, value))
    except varint.Truncated:
        raise SessionError(SessionCode.KEY_VALUE_FORMATTING_ERROR, "a pair is cut off") from None
    return tuple(out)


def find(pairs: Pairs, kind: int) -> Value | None:
    """The first value of a type, also among the immutable ones."""
    return next((value for key, value in flat(pairs) if key == kind), None)


def flat(pairs: Pairs) -> Iterator[tuple[int, Value]]:
    """All of them, the immutable ones in the place of what holds them: of these no further ones,
    however deep they are. Raises SessionError when they are malformed."""
    for key, value in pairs:
        if key == IMMUTABLE and isinstance(value, bytes):
            yield from decode(value)
        else:
            yield key, value
