"""One end of a plane-to-plane connection: framing, types and bounds around an asyncio stream."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator

from pydantic import ValidationError

from bridge.secret import REVEAL
from sip_plugin.planes import messages
from sip_plugin.planes.messages import Message

MAX_MESSAGE_BYTES = 256 * 1024
MAX_QUEUED_BYTES = 4 * 1024 * 1024
"""A peer that reads this little is dead or stuck; the link is cut rather than grown."""

_TYPES: dict[str, type[Message]] = {
    cls.__name__: cls
    for cls in vars(messages).values()
    if isinstance(cls, type) and issubclass(cls, Message) and cls is not Message
}

log = logging.getLogger(__name__)


class PlaneError(Exception):
    """The other process broke the protocol."""


def encode(message: Message) -> bytes:
    """Frame one message, secrets included: the socket is the owner's alone (mode 0600)."""
    fields = message.model_dump_json(context=REVEAL).encode()
    head = json.dumps({"type": type(message).__name__}).encode()[:-1]
    body = head + (b", " + fields[1:] if fields != b"{}" else b"}")
    if len(body) > MAX_MESSAGE_BYTES:
        raise PlaneError(
            f"{type(message).__name__} has {len(body)} bytes, over {MAX_MESSAGE_BYTES}"
        )
    return len(body).to_bytes(4, "big") + body


def decode(body: bytes) -> Message:
    """The message in one frame's body. Raises PlaneError."""
    try:
        fields = json.loads(body)
        name = fields.pop("type")
        return _TYPES[name].model_validate(fields)
    except (ValueError, KeyError, AttributeError, TypeError, ValidationError) as error:
        raise PlaneError(f"not a message: {error}") from error


class Link:
    """Sends without waiting, receives by iteration; ends when the other side does."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, message: Message) -> None:
        """Queue one message; on a link that has ended, or is cut for its queue, it is dropped."""
        if self._writer.is_closing():
            return
        if self._writer.transport.get_write_buffer_size() > MAX_QUEUED_BYTES:
            log.error("plane link cut: peer stopped reading, %d bytes queued", MAX_QUEUED_BYTES)
            self.abort()
            return
        self._writer.write(encode(message))

    async def drained(self) -> None:
        """Wait until there is room for more: for what is longer than the queue."""
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    async def __aiter__(self) -> AsyncIterator[Message]:
        while True:
            try:
                size = int.from_bytes(await self._reader.readexactly(4), "big")
                if size > MAX_MESSAGE_BYTES:
                    raise PlaneError(f"frame of {size} bytes, over {MAX_MESSAGE_BYTES}")
                body = await self._reader.readexactly(size)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            yield decode(body)

    def close(self) -> None:
        self._writer.close()

    def abort(self) -> None:
        """End at once, whatever is queued: a peer that stopped reading would never let it out."""
        self._writer.transport.abort()


async def connect(path: str) -> Link:
    """Connect to the SIP process. Raises OSError."""
    return Link(*await asyncio.open_unix_connection(path))
