"""A call's connection to a server, kept: made anew, at another address, before its end."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

import aiohttp

from bridge.backends.interface import Message
from bridge.backends.servers import Servers
from bridge.backends.socket import ServerSocket, SocketFailed, connect
from bridge.gateway.agent import CallFailed

LONGEST_PAUSE = 5.0
"""Before any attempt, whatever the server asks for: the caller waits."""
RECONNECT_PAUSE = 0.2
"""Before the second attempt at an address; it doubles with each."""
RENEWED_BEFORE = 60.0
"""The end of a session, as the server told it; of a short one, a quarter of it."""
SHORTEST_SESSION = 2.0
RENEW_PAUSE = 10.0
"""After a new session was refused while the old one stands, before the next try."""
STEADY_SECS = 30.0
"""A session that has stood for so long has shown that the server is well."""

log = logging.getLogger(__name__)


class Talk(Protocol):
    """What is said on the line."""

    @property
    def idle(self) -> bool:
        """Nobody speaks: a good moment for another connection."""

    def on_connected(self) -> None:
        """There is a connection, which knows nothing yet."""

    def on_message(self, message: Message) -> None: ...

    def on_trouble(self, failed: SocketFailed) -> None:
        """The connection is lost, and is made anew."""


class ServerLine:
    def __init__(self, servers: Servers, sid: str, talk: Talk) -> None:
        self._servers = servers
        self._sid = sid
        self._talk = talk
        self._loop = asyncio.get_running_loop()
        self._socket: ServerSocket | None = None
        self._url = ""
        self._attempts = servers.attempts
        self._began = 0.0
        self._ends: float | None = None
        """Before the time at which the server says that it will end the session."""
        self._renewing: asyncio.Task[None] | None = None
        """Makes the connection that is to take the place of this one."""
        self._renew_from = 0.0
        self._spare: tuple[str, ServerSocket] | None = None
        """That connection, with its address."""
        self._renewed = False
        """The connection took the place of one that was about to end."""
        self._refused: frozenset[str] = frozenset()
        """Addresses that this call does not try again."""
        self._taken_at: float | None = None
        self._verdict: asyncio.Future[None] = self._loop.create_future()
        """Ends the exchange with the server: a result for another connection, or an exception."""

    async def run(self) -> None:
        """Keeps a connection. Raises CallFailed when there can be none."""
        try:
            await self._keep()
        finally:
            if self._renewing is not None:
                self._renewing.cancel()
                await asyncio.gather(self._renewing, return_exceptions=True)
            if self._spare is not None:
                await self._spare[1].close()
            self._verdict.cancel()

    async def _keep(self) -> None:
        servers = self._servers
        places = servers.places
        pause = RECONNECT_PAUSE
        url = places.best(self._loop.time())
        async with aiohttp.ClientSession() as self._http:
            while True:
                assert url is not None
                try:
                    await self._exchange(url)
                    pause = RECONNECT_PAUSE
                    url = places.best(self._loop.time(), self._refused)
                except SocketFailed as failed:
                    if self._steady:
                        self.served()
                    log.warning("call %s: %s: %s", self._sid, servers.name, failed)
                    servers.stats.lost[failed.code] += 1
                    places.failed(url, self._loop.time())
                    if failed.lasting:
                        self._refused |= {url}
                    before, url = url, places.best(self._loop.time(), self._refused)
                    if url is None or not self._attempts:
                        raise CallFailed(failed.code, failed.message) from None
                    self._attempts -= 1
                    self._talk.on_trouble(failed)
                    if url == before:
                        wait = pause if failed.wait_secs is None else failed.wait_secs
                        await asyncio.sleep(min(wait, LONGEST_PAUSE))
                        pause *= 2

    # --- what is said ------------------------------------------------------------------------

    def send(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if self._socket is not None:
                self._socket.send(message)

    @property
    def connected(self) -> bool:
        return self._socket is not None

    # --- what is known of the server ---------------------------------------------------------

    def taken(self) -> None:
        """It has taken the session's settings."""
        servers = self._servers
        servers.places.worked(self._url)
        servers.stats.sessions += 1
        servers.stats.renewed += self._renewed
        self._renewed = False
        self._taken_at = self._loop.time()

    def served(self) -> None:
        """It has shown that it is well: later trouble is new trouble."""
        self._attempts = self._servers.attempts

    def ends_in(self, secs: float) -> None:
        """It says when it ends the session: renew it a while before that."""
        if secs > SHORTEST_SESSION:  # less is a clock that is wrong, or of no use
            self._ends = self._loop.time() + secs - min(RENEWED_BEFORE, secs / 4)

    def renew(self, now: float) -> None:
        """Replace a session that is old, while nobody speaks. To be called often.

        The new connection is made before the old one is left: a server that has no room for it, or
        is gone, does not cost the call."""
        busy = self._socket is None or self._verdict.done() or self._renewing is not None
        if busy or now < self._renew_from:
            return
        ends = self._began + self._servers.options.session_secs
        if self._ends is not None:
            ends = min(ends, self._ends)
        if now > ends and self._talk.idle:
            self._renewing = self._loop.create_task(self._make_spare())

    def replace(self) -> None:
        """Another connection is needed, though nothing went wrong."""
        self._decide(None)

    def fail(self, failed: SocketFailed) -> None:
        """This connection is of no use any more."""
        self._decide(failed)

    # --- inside ------------------------------------------------------------------------------

    @property
    def _steady(self) -> bool:
        return self._taken_at is not None and self._loop.time() - self._taken_at >= STEADY_SECS

    def _decide(self, failure: SocketFailed | None) -> None:
        if self._socket is None or self._verdict.done():
            return
        if failure is None:
            self._verdict.set_result(None)
        else:
            self._verdict.set_exception(failure)

    async def _make_spare(self) -> None:
        url = self._servers.places.best(self._loop.time(), self._refused)
        assert url is not None
        try:
            socket = await self._dial(url)
        except SocketFailed as failed:
            log.warning("call %s: a new session before the old one ends: %s", self._sid, failed)
            self._servers.stats.lost[failed.code] += 1
            self._servers.places.failed(url, self._loop.time())
            self._renew_from = self._loop.time() + RENEW_PAUSE
            return
        finally:
            self._renewing = None
        if self._socket is None or self._verdict.done() or not self._talk.idle:
            await socket.close()  # somebody speaks now: at the next good moment
            return
        self._spare = url, socket
        self._renewed = True
        self.replace()

    async def _dial(self, url: str) -> ServerSocket:
        servers = self._servers
        headers, timeout_secs = servers.headers(self._sid), servers.options.connect_timeout_secs
        return await connect(self._http, url, headers, servers.tls, timeout_secs)

    async def _exchange(self, url: str) -> None:
        """One connection, until another is needed. Raises SocketFailed."""
        self._taken_at = None
        spare, self._spare = self._spare, None
        if spare is not None:
            url, socket = spare
        else:
            socket = await self._dial(url)
        self._socket = socket
        self._url = url
        self._verdict = self._loop.create_future()
        self._began = self._loop.time()
        self._ends = None
        reader = asyncio.create_task(self._read(socket))
        try:
            self._talk.on_connected()
            await asyncio.wait({reader, self._verdict}, return_when=asyncio.FIRST_COMPLETED)
            if self._verdict.done():
                self._verdict.result()
            else:
                reader.result()
        finally:
            self._socket = None
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            await socket.close()

    async def _read(self, socket: ServerSocket) -> None:
        async for message in socket.messages():
            if self._verdict.done():
                return
            self._talk.on_message(message)
