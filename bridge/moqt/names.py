"""Names of tracks (draft 18, section 2.4.1): a namespace of byte fields, and a name in it."""

from typing import NamedTuple

from bridge.moqt import varint
from bridge.moqt.errors import violation
from bridge.moqt.limits import MAX_FULL_TRACK_NAME, MAX_NAMESPACE_FIELDS

Namespace = tuple[bytes, ...]


class Track(NamedTuple):
    """A full track name."""

    namespace: Namespace
    name: bytes

    def __str__(self) -> str:
        return f"{render(self.namespace)}--{_safe(self.name)}"


def namespace(*fields: str) -> Namespace:
    """A namespace of text fields. Raises ValueError for what the wire does not take."""
    made = tuple(field.encode() for field in fields)
    if len(made) > MAX_NAMESPACE_FIELDS or not all(made) or _length(made) > MAX_FULL_TRACK_NAME:
        raise ValueError(f"no namespace: {fields!r}")
    return made


def render(fields: Namespace) -> str:
    """As section 1.5 recommends it for logs."""
    return "-".join(map(_safe, fields))


def covers(prefix: Namespace, whole: Namespace) -> bool:
    """Whether `whole` begins with the fields of `prefix`."""
    return whole[: len(prefix)] == prefix


def encode_namespace(fields: Namespace) -> bytes:
    return varint.encode(len(fields)) + b"".join(map(varint.sized, fields))


def decode_namespace(reader: varint.Reader) -> Namespace:
    count = reader.varint()
    if count > MAX_NAMESPACE_FIELDS:
        raise violation(f"a namespace of {count} fields, over {MAX_NAMESPACE_FIELDS}")
    fields = tuple(reader.sized(MAX_FULL_TRACK_NAME, "a namespace field") for _ in range(count))
    if not all(fields):
        raise violation("an empty namespace field")
    if _length(fields) > MAX_FULL_TRACK_NAME:
        raise violation(f"a namespace over {MAX_FULL_TRACK_NAME} bytes")
    return fields


def encode_track(track: Track) -> bytes:
    return encode_namespace(track.namespace) + varint.sized(track.name)


def decode_track(reader: varint.Reader) -> Track:
    fields = decode_namespace(reader)
    name = reader.sized(MAX_FULL_TRACK_NAME, "a track name")
    if _length(fields) + len(name) > MAX_FULL_TRACK_NAME:
        raise violation(f"a full track name over {MAX_FULL_TRACK_NAME} bytes")
    return Track(fields, name)


def _length(fields: Namespace) -> int:
    return sum(map(len, fields))


def _safe(field: bytes) -> str:
    return "".join(
        chr(b) if chr(b).isascii() and (chr(b).isalnum() or b == 0x5F) else f".{b:02x}"
        for b in field
    )
