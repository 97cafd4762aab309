"""The SIP process's end of `plane.sock`: workers and the supervisor, by name."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path

from sip_plugin.planes.heartbeat import Heartbeat
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
        *,
        ping_secs: float = 2.0,
        patience: int = 6,
    ) -> None:
        """A worker that leaves `patience` pings unanswered, one every `ping_secs`, is cut."""
        self._on_join = on_join
        self._on_leave = on_leave
        self._on_message = on_message
        self._ping_secs = ping_secs
        self._patience = patience
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
            heartbeat = Heartbeat(self._patience)
            pings = asyncio.create_task(self._ping(hello, link, heartbeat))
            try:
                async for message in messages:
                    if self._clients.get(key) is not link:
                        return
                    match message:
                        case Ping(n=n):
                            link.send(Pong(n=n))
                        case Pong(n=n):
                            heartbeat.pong(n)
                        case _:
                            self._on_message(hello, message)
            finally:
                pings.cancel()
                if self._clients.get(key) is link:
                    del self._clients[key]
                    self._on_leave(hello)

    async def _ping(self, hello: Hello, link: Link, heartbeat: Heartbeat) -> None:
        """Cut a worker that is alive but stuck; the supervisor, which it misses, replaces it."""
        if hello.role != "worker":
            return  # it pings us
        while not heartbeat.stuck:
            link.send(Ping(n=heartbeat.ping()))
            await asyncio.sleep(self._ping_secs)
        log.error("%s left %d pings unanswered, its calls end", hello.name, self._patience)
        link.abort()
