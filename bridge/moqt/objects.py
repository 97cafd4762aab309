"""Objects as bytes: in datagrams, and on the streams of subgroups (draft 18, section 11)."""

from collections.abc import Iterator
from typing import NamedTuple

from bridge.moqt import pairs, varint
from bridge.moqt.errors import violation
from bridge.moqt.limits import MAX_VARINT
from bridge.moqt.varint import Truncated, decode

NORMAL, END_OF_GROUP, END_OF_TRACK = 0x0, 0x3, 0x4
"""An object's status; only normal ones have a payload or properties."""
_STATUSES = (NORMAL, END_OF_GROUP, END_OF_TRACK)

PADDING_STREAM = 0x132B3E28
PADDING_DATAGRAM = 0x132B3E29

# bits of a datagram's type
_PROPERTIES, _LAST_OF_GROUP, _NO_OBJECT_ID, _DEFAULT_PRIORITY, _STATUS = 1, 2, 4, 8, 0x20
_ORDINARY = _PROPERTIES | _DEFAULT_PRIORITY
"""The type of a frame of audio."""
# bits of a subgroup stream's type, besides _PROPERTIES
_SUBGROUP, _SUBGROUP_HAS_LAST, _SUBGROUP_DEFAULT_PRIORITY, _FIRST_OBJECT = 0x10, 8, 0x20, 0x40


class Datagram(NamedTuple):
    """An object that came in a datagram. `properties` are Key-Value-Pairs, not decoded yet."""

    alias: int
    group: int
    object: int
    properties: bytes
    payload: bytes
    status: int
    priority: int | None


class StreamObject(NamedTuple):
    """An object that came on a subgroup's stream. `properties` are not decoded yet."""

    object: int
    properties: bytes
    payload: bytes
    status: int


class SubgroupHeader(NamedTuple):
    """`subgroup` is None when it is the id of the first object."""

    alias: int
    group: int
    subgroup: int | None
    priority: int | None
    has_properties: bool
    has_last: bool


class TooLarge(Exception):
    """An object beyond what this end takes: its track is given up."""


# --- datagrams -------------------------------------------------------------------------------


def datagram_head(alias: int, has_properties: bool) -> bytes:
    """Type and alias of an object with the track's priority: the part that never changes."""
    kind = _DEFAULT_PRIORITY | (_PROPERTIES if has_properties else 0)
    return varint.encode(kind) + varint.encode(alias)


def encode_datagram(
    alias: int,
    group: int,
    object_id: int,
    payload: bytes,
    properties: bytes = b"",
    priority: int | None = None,
) -> bytes:
    """`properties` are encoded pairs; `priority` None is the track's."""
    if priority is None:
        head = datagram_head(alias, bool(properties))
    else:
        head = varint.encode(_PROPERTIES if properties else 0) + varint.encode(alias)
    head += varint.encode(group) + varint.encode(object_id)
    if priority is not None:
        head += bytes((priority,))
    return head + (varint.sized(properties) if properties else b"") + payload


def decode_datagram(data: bytes) -> Datagram | None:
    """None is padding. Raises SessionError.

    What has the shape of our own frames is taken apart in one pass.
    """
    try:
        if data[0] == _ORDINARY:
            alias, at = data[1], 2
            if alias >= 0x80:
                alias, at = decode(data, 1)
            group = data[at]
            if group < 0x80:
                at += 1
            elif group < 0xC0:
                group, at = (group & 0x3F) << 8 | data[at + 1], at + 2
            elif group < 0xE0:
                group, at = (group & 0x1F) << 16 | data[at + 1] << 8 | data[at + 2], at + 3
            else:
                group, at = decode(data, at)
            object_id, size = data[at], data[at + 1]
            start = at + 2
            end = start + size
            if object_id < 0x80 and 0 < size < 0x80 and end <= len(data):
                fields = (alias, group, object_id, data[start:end], data[end:], NORMAL, None)
                return tuple.__new__(Datagram, fields)  # a third of what its constructor takes
    except (IndexError, Truncated):
        pass
    return decode_any_datagram(data)


def decode_any_datagram(data: bytes) -> Datagram | None:
    """The same for every shape."""
    try:
        kind, at = decode(data, 0)
        if kind == PADDING_DATAGRAM:
            return None
        if kind & ~0x2F or (kind & _STATUS and kind & _LAST_OF_GROUP):
            raise violation(f"a datagram of type {kind:#x}")
        alias, at = decode(data, at)
        group, at = decode(data, at)
        object_id = 0
        if not kind & _NO_OBJECT_ID:
            object_id, at = decode(data, at)
        priority = None
        if not kind & _DEFAULT_PRIORITY:
            if at >= len(data):
                raise Truncated
            priority, at = data[at], at + 1
        properties = b""
        if kind & _PROPERTIES:
            size, at = decode(data, at)
            if not size:
                raise violation("a datagram with properties of 0 bytes")
            if at + size > len(data):
                raise Truncated
            properties, at = data[at : at + size], at + size
        if not kind & _STATUS:
            return Datagram(alias, group, object_id, properties, data[at:], NORMAL, priority)
        status, at = decode(data, at)
        if status not in _STATUSES or at != len(data) or (properties and status != NORMAL):
            raise violation(f"a datagram with the object status {status}")
        return Datagram(alias, group, object_id, properties, b"", status, priority)
    except Truncated:
        raise violation("a datagram is cut off") from None


# --- subgroup streams ------------------------------------------------------------------------


def is_subgroup(kind: int) -> bool:
    """Whether a stream of this type is a subgroup's. Raises SessionError for a forbidden one."""
    if kind & ~0x7F or not kind & _SUBGROUP:
        return False
    if kind & 6 == 6:
        raise violation(f"a subgroup stream of type {kind:#x}")
    return True


def subgroup_head(alias: int, group: int, *, has_properties: bool, has_last: bool = False) -> bytes:
    """The header of subgroup 0, from its first object on, with the track's priority."""
    kind = _SUBGROUP | _SUBGROUP_DEFAULT_PRIORITY | _FIRST_OBJECT
    kind |= (_PROPERTIES if has_properties else 0) | (_SUBGROUP_HAS_LAST if has_last else 0)
    return varint.encode(kind) + varint.encode(alias) + varint.encode(group)


def encode_object(delta: int, payload: bytes, properties: bytes | None = None) -> bytes:
    """One object on a subgroup's stream. `delta` is the first object's id, and of another one the
    number of ids left out before it. `properties`: encoded pairs, None on a stream without."""
    head = varint.encode(delta)
    if properties is not None:
        head += varint.sized(properties)
    if payload:
        return head + varint.encode(len(payload)) + payload
    return head + bytes((0, NORMAL))


class SubgroupReader:
    """Cuts a subgroup's stream, after its type, into header and objects.

    Holds at most one unfinished object. `feed` raises SessionError, or TooLarge.
    """

    def __init__(self, kind: int, max_payload: int, max_properties: int) -> None:
        self._kind = kind
        self._max_payload = max_payload
        self._max_properties = max_properties
        self._buffer = bytearray()
        self._last: int | None = None
        self.header: SubgroupHeader | None = None

    @property
    def unfinished(self) -> bool:
        """Whether the stream must not end here."""
        return bool(self._buffer) or self.header is None

    def read_header(self, data: bytes) -> bool:
        """Take data; whether the header is whole now."""
        self._buffer += data
        if self.header is None:
            try:
                self.header, end = self._decode_header()
            except Truncated:
                return False
            del self._buffer[:end]
        return True

    def feed(self, data: bytes) -> Iterator[StreamObject]:
        """Yield every object that is now whole; nothing before the header is."""
        if not self.read_header(data):
            return
        at = 0
        try:
            while at < len(self._buffer):
                found, at = self._decode_object(at)
                yield found
        except Truncated:
            pass
        finally:
            del self._buffer[:at]

    def _decode_header(self) -> tuple[SubgroupHeader, int]:
        kind, data = self._kind, self._buffer
        alias, at = decode(data, 0)
        group, at = decode(data, at)
        subgroup: int | None = 0 if kind & 6 == 0 else None
        if kind & 6 == 4:
            subgroup, at = decode(data, at)
        priority = None
        if not kind & _SUBGROUP_DEFAULT_PRIORITY:
            if at >= len(data):
                raise Truncated
            priority, at = data[at], at + 1
        has_last = bool(kind & _SUBGROUP_HAS_LAST)
        properties = bool(kind & _PROPERTIES)
        return SubgroupHeader(alias, group, subgroup, priority, properties, has_last), at

    def _decode_object(self, at: int) -> tuple[StreamObject, int]:
        assert self.header is not None
        data = self._buffer
        delta, at = decode(data, at)
        object_id = delta if self._last is None else self._last + delta + 1
        if object_id > MAX_VARINT:
            raise violation("an object id over 64 bits")
        properties = b""
        if self.header.has_properties:
            size, at = decode(data, at)
            if size > self._max_properties:
                raise TooLarge(f"properties of {size} bytes, over {self._max_properties}")
            if at + size > len(data):
                raise Truncated
            properties, at = bytes(data[at : at + size]), at + size
        size, at = decode(data, at)
        if size > self._max_payload:
            raise TooLarge(f"an object of {size} bytes, over {self._max_payload}")
        status = NORMAL
        if not size:
            status, at = decode(data, at)
            if status not in _STATUSES or (properties and status != NORMAL):
                raise violation(f"an object with the status {status}")
        if at + size > len(data):
            raise Truncated
        self._last = object_id
        return StreamObject(object_id, properties, bytes(data[at : at + size]), status), at + size


def properties_of(data: bytes) -> pairs.Pairs | None:
    """An object's properties, or None when they are malformed."""
    try:
        return pairs.decode(data)
    except Exception:
        return None
