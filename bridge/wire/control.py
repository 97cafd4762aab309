"""A call's messages as objects of its reliable tracks: each a JSON object with a `type`."""

import json
from collections.abc import Iterable
from typing import Annotated, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from bridge.moqt.session import Session
from bridge.moqt.tracks import Publication
from bridge.wire.errors import ErrorCode, WireError
from bridge.wire.limits import MAX_MESSAGE
from bridge.wire.messages import FromGateway, FromPlugin, Message

_M = TypeVar("_M")
_FROM_PLUGIN: TypeAdapter[FromPlugin] = TypeAdapter(
    Annotated[FromPlugin, Field(discriminator="type")]
)
_FROM_GATEWAY: TypeAdapter[FromGateway] = TypeAdapter(
    Annotated[FromGateway, Field(discriminator="type")]
)

ROOM_FOR_TEXT = MAX_MESSAGE - 1024
"""The rest is for a message's other fields."""


def encode(message: Message) -> bytes:
    """One message. Raises WireError when it is larger than the wire allows."""
    body = message.model_dump_json().encode()
    if len(body) > MAX_MESSAGE:
        name = type(message).__name__
        raise WireError(
            ErrorCode.MESSAGE_TOO_LARGE, f"{name} has {len(body)} bytes, over {MAX_MESSAGE}"
        )
    return body


def fitting(text: str, most: int) -> str:
    """The beginning of a text, at most so many characters, for which a message has room: one
    character takes up to 6 bytes."""
    text = text[:most]
    while (size := len(json.dumps(text, ensure_ascii=False).encode())) > ROOM_FOR_TEXT:
        text = text[: len(text) * ROOM_FOR_TEXT // size]
    return text


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


class MessageWriter:
    """Says a call's messages: objects 0, 1, 2… of group 0, all on one stream."""

    def __init__(self, session: Session, publication: Publication) -> None:
        self._writer = session.open_subgroup(publication, 0, has_properties=False)
        self._next = 0

    @property
    def stream_id(self) -> int:
        return self._writer.stream_id

    def write(self, bodies: Iterable[bytes]) -> None:
        for body in bodies:
            self._writer.write(self._next, body)
            self._next += 1

    def finish(self) -> None:
        """There are no more."""
        self._writer.finish()

    def reset(self) -> None:
        """They go on elsewhere, or to nobody."""
        self._writer.reset()


class MessageOrder:
    """Puts the objects of a message track into one sequence.

    They come in order on one stream; a relay may have cut it in two, and may send some again.
    """

    def __init__(self) -> None:
        self._next = 0

    def take(self, group: int, object_id: int) -> bool:
        """Whether the object is the next message; False for one that was there already. Raises
        WireError when one is missing: what a call's control has lost is not sent again."""
        if group or object_id > self._next:
            raise WireError(
                ErrorCode.PROTOCOL_VIOLATION, f"message {object_id} after {self._next - 1}"
            )
        if object_id < self._next:
            return False
        self._next += 1
        return True
