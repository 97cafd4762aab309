"""Control messages as bytes, by a draft's tables (draft 18, section 10)."""

from collections.abc import Callable, Iterator
from typing import Any

from bridge.moqt import names, pairs, token, varint
from bridge.moqt.draft import Draft, Kind, Layout
from bridge.moqt.errors import RequestCode, SessionCode, SessionError, violation
from bridge.moqt.limits import (
    MAX_FULL_TRACK_NAME,
    MAX_MESSAGE,
    MAX_PAIR_VALUE,
    MAX_REASON,
    MAX_URI,
    MAX_VARINT,
)
from bridge.moqt.messages import Location, Message, Param, Parameters, Redirect
from bridge.moqt.varint import Reader, Truncated


def encode(draft: Draft, message: Message) -> bytes:
    """Raises ValueError for a message that the wire does not take."""
    layout = draft.by_message[type(message)]
    body = b"".join(
        _encode_field(draft, field.kind, getattr(message, field.name)) for field in layout.fields
    )
    if len(body) > MAX_MESSAGE:
        raise ValueError(f"{type(message).__name__} of {len(body)} bytes, over {MAX_MESSAGE}")
    return varint.encode(layout.number) + len(body).to_bytes(2, "big") + body


def decode(draft: Draft, number: int, body: bytes) -> Message:
    """Raises SessionError."""
    layout = draft.by_number.get(number)
    if layout is None:
        raise violation(f"a message of type {number:#x}")
    try:
        return _decode_body(draft, layout, Reader(body))
    except Truncated:
        raise violation(f"{layout.message.__name__} is cut off") from None


class MessageReader:
    """Cuts a stream into messages, holding at most one unfinished."""

    def __init__(self, draft: Draft, most: int = MAX_MESSAGE) -> None:
        """`most`: bytes of a message that this end takes."""
        self._draft = draft
        self._most = most
        self._buffer = bytearray()

    @property
    def unfinished(self) -> bool:
        return bool(self._buffer)

    def feed(self, data: bytes) -> Iterator[Message]:
        """Yield every message that is now whole. Raises what `decode` does."""
        buffer = self._buffer
        buffer += data
        while buffer:
            try:
                number, at = varint.decode(buffer, 0)
            except Truncated:
                return
            if number not in self._draft.by_number:
                raise violation(f"a message of type {number:#x}")
            if len(buffer) < at + 2:
                return
            size = int.from_bytes(buffer[at : at + 2], "big")
            if size > self._most:
                raise SessionError(
                    SessionCode.INTERNAL_ERROR, f"a message of {size} bytes, over {self._most}"
                )
            end = at + 2 + size
            if len(buffer) < end:
                return
            body = bytes(buffer[at + 2 : end])
            del buffer[:end]
            yield decode(self._draft, number, body)


# --- fields ----------------------------------------------------------------------------------


def _decode_body(draft: Draft, layout: Layout, reader: Reader) -> Message:
    values: dict[str, Any] = {}
    for field in layout.fields:
        match field.kind:
            case Kind.PARAMETERS:
                values[field.name] = _decode_parameters(draft, layout, reader)
            case Kind.REDIRECT:
                asked = values["code"] == RequestCode.REDIRECT
                values[field.name] = _decode_redirect(reader) if asked else None
            case kind:
                values[field.name] = _DECODE[kind](reader)
    if reader.left:
        raise violation(f"{layout.message.__name__} is longer than its fields")
    return layout.message(**values)


def _encode_field(draft: Draft, kind: Kind, value: Any) -> bytes:
    if kind is Kind.PARAMETERS:
        return _encode_parameters(draft, value)
    return _ENCODE[kind](value)


def _encode_parameters(draft: Draft, parameters: Parameters) -> bytes:
    out, count, before = bytearray(), 0, 0
    for key in sorted(parameters):
        kind = draft.parameters[Param(key)]
        values = parameters[key] if kind is Kind.TOKENS else (parameters[key],)
        for value in values:
            out += varint.encode(key - before) + _ENCODE[kind](value)
            before, count = key, count + 1
    return varint.encode(count) + bytes(out)


def _decode_parameters(draft: Draft, layout: Layout, reader: Reader) -> Parameters:
    name = layout.message.__name__
    out: Parameters = {}
    key = 0
    for _ in range(reader.varint()):
        key += reader.varint()
        kind = draft.parameters.get(key)  # type: ignore[call-overload]
        if kind is None or key > MAX_VARINT:
            raise violation(f"parameter {key:#x} in {name}")
        if key not in draft.scopes.get(layout.message, ()):
            raise violation(f"parameter {key:#x} out of place in {name}")
        value = _DECODE[kind](reader)
        if kind is Kind.TOKENS:
            out[key] = (*out.get(key, ()), value)
            continue
        if key in out:
            raise violation(f"parameter {key:#x} twice in {name}")
        low, high = draft.ranges.get(key, (None, None))  # type: ignore[call-overload]
        if low is not None and not low <= value <= high:
            raise violation(f"parameter {key:#x} of {value} in {name}")
        out[key] = value
    return out


def _encode_location(location: Location) -> bytes:
    return varint.encode(location[0]) + varint.encode(location[1])


def _decode_reason(reader: Reader) -> str:
    return reader.sized(MAX_REASON, "a reason").decode("utf-8", "replace")


def _decode_redirect(reader: Reader) -> Redirect:
    return Redirect(reader.sized(MAX_URI, "a URI"), names.decode_track(reader))


def _encode_redirect(redirect: Redirect | None) -> bytes:
    if redirect is None:
        return b""
    return varint.sized(redirect.uri) + names.encode_track(redirect.track)


def _decode_filter(reader: Reader) -> bytes:
    """Section 5.1.2: kept as bytes, once it is known to be one of the four."""
    data = reader.sized(MAX_PAIR_VALUE, "a filter")
    inside = Reader(data)
    try:
        form = inside.varint()
        if not 1 <= form <= 4:
            raise violation(f"a filter of type {form}")
        if form >= 3:
            start = inside.varint()
            inside.varint()
            if form == 4 and start + inside.varint() > MAX_VARINT:
                raise violation("a filter that ends beyond 64 bits")
    except Truncated:
        raise SessionError(SessionCode.KEY_VALUE_FORMATTING_ERROR, "a filter is cut off") from None
    if inside.left:
        raise SessionError(SessionCode.KEY_VALUE_FORMATTING_ERROR, "a filter is too long")
    return data


_DECODE: dict[Kind, Callable[[Reader], Any]] = {
    Kind.UINT8: Reader.uint8,
    Kind.VARINT: Reader.varint,
    Kind.OPTIONAL_VARINT: lambda reader: reader.varint() if reader.left else None,
    Kind.LOCATION: lambda reader: Location(reader.varint(), reader.varint()),
    Kind.NAMESPACE: names.decode_namespace,
    Kind.TRACK: names.decode_track,
    Kind.NAME: lambda reader: reader.sized(MAX_FULL_TRACK_NAME, "a track name"),
    Kind.URI: lambda reader: reader.sized(MAX_URI, "a URI"),
    Kind.REASON: _decode_reason,
    Kind.FILTER: _decode_filter,
    Kind.TOKENS: lambda reader: token.decode(reader.sized(MAX_PAIR_VALUE, "a token")),
    Kind.PAIRS: lambda reader: pairs.decode(reader.rest()),
    Kind.REST: Reader.rest,
}
_ENCODE: dict[Kind, Callable[[Any], bytes]] = {
    Kind.UINT8: lambda value: bytes((value,)),
    Kind.VARINT: varint.encode,
    Kind.OPTIONAL_VARINT: lambda value: b"" if value is None else varint.encode(value),
    Kind.LOCATION: _encode_location,
    Kind.NAMESPACE: names.encode_namespace,
    Kind.TRACK: names.encode_track,
    Kind.NAME: varint.sized,
    Kind.URI: varint.sized,
    Kind.REASON: lambda text: varint.sized(_cut(text)),
    Kind.REDIRECT: _encode_redirect,
    Kind.FILTER: varint.sized,
    Kind.TOKENS: lambda value: varint.sized(token.encode(value)),
    Kind.PAIRS: pairs.encode,
    Kind.REST: bytes,
}


def _cut(text: str) -> bytes:
    cut = text.encode("utf-8", "replace")[:MAX_REASON]
    return cut.decode("utf-8", "ignore").encode()
