"""Control messages as bytes: a 2-byte big-endian length, then a JSON object with a `type`."""

from collections.abc import Iterator
from typing import Annotated, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from bridge.wire.errors import ErrorCode, WireError
from bridge.wire.limits import MAX_MESSAGE
from bridge.wire.messages import FromGateway, FromPlugin, Message

_HEAD = 2
_M = TypeVar("_M")
_FROM_PLUGIN: TypeAdapter[FromPlugin] = TypeAdapter(
    Annotated[FromPlugin, Field(discriminator="type")]
)
_FROM_GATEWAY: TypeAdapter[FromGateway] = TypeAdapter(
    Annotated[FromGateway, Field(discriminator="type")]
)


def encode(message: Message) -> bytes:
    """One framed message. Raises WireError when it is larger than the wire allows."""
    body = message.model_dump_json().encode()
    if len(body) > MAX_MESSAGE:
        name = type(message).__name__
        raise WireError(
            ErrorCode.MESSAGE_TOO_LARGE, f"{name} has {len(body)} bytes, over {MAX_MESSAGE}"
        )
    return len(body).to_bytes(_HEAD, "big") + body


def decode_from_plugin(body: bytes) -> FromPlugin:
    """What the gateway reads. Raises WireError."""
    return _decode(_FROM_PLUGIN, body)


def decode_from_gateway(body: bytes) -> FromGateway:
    """What the plugin reads. Raises WireError."""
    return _decode(_FROM_GATEWAY, body)


def _decode(adapter: TypeAdapter[_M], body: bytes) -> _M:
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        # Only where and what: the input may hold a token, and it is not ours to repeat.
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:80]
        raise WireError(
            ErrorCode.MALFORMED_MESSAGE, f"{where or 'message'}: {first['type']}"
        ) from None


class MessageReader:
    """Cuts a stream into message bodies, holding at most one unfinished message."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def unfinished(self) -> bool:
        return bool(self._buffer)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield every body that is now whole. Raises WireError for a length beyond the limit."""
        self._buffer += data
        start = 0
        try:
            while len(self._buffer) - start >= _HEAD:
                size = int.from_bytes(self._buffer[start : start + _HEAD], "big")
                if size > MAX_MESSAGE:
                    raise WireError(
                        ErrorCode.MESSAGE_TOO_LARGE, f"{size} bytes announced, over {MAX_MESSAGE}"
                    )
                end = start + _HEAD + size
                if len(self._buffer) < end:
                    return
                yield bytes(self._buffer[start + _HEAD : end])
                start = end
        finally:
            del self._buffer[:start]
