"""The SIP process's end of `plane.sock`: workers and the supervisor, by name."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path

from sip_plugin.planes.link import Link, PlaneError
from sip_plugin.planes.messages import Hello, Message, Ping, Pong

HELLO_SECS = 5.0
MAX_CLIENTS = 300

log = logging.getLogger(__name__)


class PlaneServer:
    """Reports every coming, going and message by callback, on the event loop's thread."""

    def __init__(
        self,
        on_join: Callable[[Hello], None],
        on_leave: Callable[[Hello], None],
        on_message: Callable[[Hello, Message], None],
    ) -> None:
        self._on_join = on_join
        self._on_leave = on_leave
        self._on_message = on_message
        self._clients: dict[tuple[str, str], Link] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, path: Path) -> None:
        """Listen at `path`, mode 0600. Raises OSError."""
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._accept, path=str(path))
        finally:
            os.umask(before)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for link in self._clients.values():
            link.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def send(self, role: str, name: str, message: Message) -> None:
        """To one client; nothing happens when it is not there."""
        if link := self._clients.get((role, name)):
            self._send(link, message)

    def send_all(self, role: str, message: Message) -> None:
        for (of_role, _), link in list(self._clients.items()):
            if of_role == role:
                self._send(link, message)

    def _send(self, link: Link, message: Message) -> None:
        try:
            link.send(message)
        except PlaneError as error:
            log.error("plane: message not sent: %s", error)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        link = Link(reader, writer)
        try:
            if len(self._tasks) > MAX_CLIENTS:
                log.error("plane: more than %d clients, one refused", MAX_CLIENTS)
                return
            await self._serve(link)
        except PlaneError as error:
            log.error("plane: client cut: %s", error)
        except asyncio.CancelledError:
            pass  # the process ends
        except Exception:
            log.exception("plane: client cut")
        finally:
            link.close()
            self._tasks.discard(task)

    async def _serve(self, link: Link) -> None:
        messages = aiter(link)
        async with contextlib.aclosing(messages):
            try:
                async with asyncio.timeout(HELLO_SECS):
                    hello = await anext(messages)
            except (TimeoutError, StopAsyncIteration):
                return
            if not isinstance(hello, Hello):
                raise PlaneError(f"{type(hello).__name__} came before Hello")
            key = (hello.role, hello.name)
            if stale := self._clients.pop(key, None):
                # The same process again, before the end of its old connection was seen.
                stale.close()
                self._on_leave(hello)
            self._clients[key] = link
            self._on_join(hello)
            try:
                async for message in messages:
                    if self._clients.get(key) is not link:
                        return
                    if isinstance(message, Ping):
                        link.send(Pong(n=message.n))
                    else:
                        self._on_message(hello, message)
            finally:
                if self._clients.get(key) is link:
                    del self._clients[key]
                    self._on_leave(hello)
