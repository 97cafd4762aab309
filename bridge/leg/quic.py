"""The model connection on QUIC: one to an endpoint, shared by all calls of a worker."""

import asyncio
import contextlib
import logging

from bridge.agent import AgentSpec, TlsOptions
from bridge.leg.calls import Calls
from bridge.leg.dial import ClientProtocol, Dialer
from bridge.leg.interface import CallFacts, OnEvent
from bridge.leg.quic_call import QuicCall
from bridge.wire.errors import ErrorCode, WireError
from bridge.wire.limits import MAX_CALLS_PER_CONNECTION
from bridge.wire.stats import TransportStats

BACKOFF_FIRST, BACKOFF_MOST = 0.25, 10.0
BRIEF_SECS = 1.0
"""A connection that stood, and ended so soon, is no success: the next attempt waits."""
MOVE_PAUSE = 1.0
"""Between moves from relay to relay, at least."""
FAREWELL_SECS = 0.3
"""How long `close` waits for the gateway to confirm the calls' ends."""

log = logging.getLogger(__name__)


class QuicConnection:
    """A `bridge.leg.interface.ModelConnection`.

    To be made and used on one running event loop. `connect()` starts to connect ahead of the
    first call; without it the first call does. From then on the connection is kept, and made
    again with a growing pause whenever it is lost, until `close()`.
    """

    def __init__(
        self,
        endpoint: str,
        tls: TlsOptions | None = None,
        *,
        packet_bytes: int = 0,
        go_to: str = "",
    ) -> None:
        """`packet_bytes`: size of UDP payloads; 0 takes what the path is known to carry. `go_to`:
        where the endpoint is at first, as the connection before was told."""
        self.endpoint = endpoint
        self.reconnects = 0
        self._dialer = Dialer(endpoint, tls or TlsOptions(), packet_bytes)
        if go_to:
            self._dialer.go_to(go_to)
        self._loop = asyncio.get_running_loop()
        self._protocol: ClientProtocol | None = None
        self._task: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._connected = asyncio.Event()
        self._failure: WireError | None = None
        self._calls = Calls(self._dialer.direct, self._on_going_away)
        self.going_away: str | None = None
        """The gateway has said that it ends: where to go instead, or nothing for the same place.
        Calls that stand stay until it does; new ones belong on another connection."""
        self._leave = asyncio.Event()
        self._closed = False

    @property
    def connected(self) -> bool:
        """The gateway has spoken; a connection may be in use before that (0-RTT)."""
        protocol = self._protocol
        return protocol is not None and (not protocol.early or protocol.handshake.done())

    @property
    def idle(self) -> bool:
        """No call is open on it."""
        return not self._calls.open_calls

    @property
    def stats(self) -> TransportStats:
        """Counters of the present connection; zeros without one."""
        return self._protocol.stats if self._protocol is not None else TransportStats()

    def connect(self) -> None:
        """Begin to connect, if that has not begun."""
        if self._task is None and not self._closed:
            self._task = self._loop.create_task(self._run())

    async def wait_connected(self, timeout_secs: float) -> None:
        """Connect, and wait for it. Raises WireError with why it is not."""
        self.connect()
        try:
            async with asyncio.timeout(timeout_secs):
                await self._connected.wait()
        except TimeoutError:
            raise self._failure or WireError(
                ErrorCode.CONNECTION_TIMEOUT, f"{self.endpoint} did not answer in time"
            ) from None

    def open_call(self, facts: CallFacts, agent: AgentSpec, on_event: OnEvent) -> QuicCall:
        """Begins at once; `Opened` or `LegFailed` follows, never before this has returned."""
        calls = self._calls
        call = calls.make(facts, agent, on_event)
        if self._closed:
            calls.refuse(call, ErrorCode.CONNECTION_LOST, "the connection was closed")
        elif self.going_away is not None:
            calls.refuse(call, ErrorCode.SHUTTING_DOWN, "the gateway takes no new calls")
        elif calls.open_calls >= MAX_CALLS_PER_CONNECTION:
            calls.refuse(
                call,
                ErrorCode.TOO_MANY_CALLS,
                f"{MAX_CALLS_PER_CONNECTION} calls are on this connection; add workers",
            )
        else:
            calls.open(call)
            if self._protocol is None:
                self._hurry.set()
                self.connect()
        return call

    def flush(self) -> None:
        """Send what the calls queued, in as few packets as it takes."""
        self._calls.flush()

    async def close(self) -> None:
        """End all calls without events, and the connection."""
        self._closed = True
        self._calls.close()
        if self._protocol is not None:
            await self._protocol.drain(FAREWELL_SECS)
        self._calls.forget()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._drop_connection()

    # --- inside ------------------------------------------------------------------------------

    async def _run(self) -> None:
        """Connect, watch, and connect again."""
        pause, full = BACKOFF_FIRST, False
        while True:
            self._hurry.clear()
            try:
                protocol = await self._dialer.dial(full=full)
            except WireError as error:
                self._not_connected(error)
            except Exception as error:
                log.exception("%s: the attempt to connect broke", self.endpoint)
                self._not_connected(WireError(ErrorCode.CONNECTION_REFUSED, repr(error)))
            else:
                began = self._loop.time()
                self._use(protocol)
                protocol, lost = await self._stay(protocol)
                brief = protocol.stood and self._loop.time() - began < BRIEF_SECS
                if not brief:
                    pause = BACKOFF_FIRST
                # What began on a connection that never stood waits for a handshake this time.
                full = not protocol.stood
                self._lost(lost, never_stood=full)
                if self._calls.wait and not brief:
                    log.warning("%s: %s; calls wait, trying at once", self.endpoint, self._failure)
                    continue
            secs = BACKOFF_FIRST if self._calls.wait else pause
            log.warning("%s: %s; next try in %.2f s", self.endpoint, self._failure, secs)
            await asyncio.sleep(BACKOFF_FIRST)
            if not self._calls.wait:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause - BACKOFF_FIRST):
                        await self._hurry.wait()
            pause = min(pause * 2, BACKOFF_MOST)

    async def _stay(self, protocol: ClientProtocol) -> tuple[ClientProtocol, str]:
        """Until the connection has ended, or the one that has taken its place: returns the last
        and why it has ended."""
        watching = self._loop.create_task(protocol.watch())
        leave = self._loop.create_task(self._leave.wait())
        try:
            while True:
                await asyncio.wait({watching, leave}, return_when=asyncio.FIRST_COMPLETED)
                if watching.done():
                    return protocol, watching.result()
                self._leave.clear()
                leave = self._loop.create_task(self._leave.wait())
                # It may have been said on a connection before this one.
                other = await self._elsewhere() if self._calls.leaving else None
                if other is not None:
                    watching.cancel()
                    self._move(other)
                    protocol, watching = other, self._loop.create_task(other.watch())
                    await asyncio.sleep(MOVE_PAUSE)
        finally:
            watching.cancel()
            leave.cancel()

    async def _elsewhere(self) -> ClientProtocol | None:
        """The connection that all calls can go to from a relay that ends, if there is one."""
        if not self._calls.may_move:
            self._calls.stay()
            return None
        try:
            return await self._dialer.dial(full=True)
        except WireError as error:
            log.warning("%s: %s; calls stay until it ends", self.endpoint, error)
            self._not_connected(error)
            self._loop.call_later(MOVE_PAUSE, self._leave.set)
            return None

    def _move(self, other: ClientProtocol) -> None:
        """All calls go on on another connection, and this one is left."""
        old, self._protocol = self._protocol, other
        why = WireError(ErrorCode.CONNECTION_LOST, f"{self.endpoint}: it is going away")
        self._calls.lost(why, begin_again=False)
        self._calls.use(other)
        self.reconnects += 1
        log.info("%s: moved to another connection", self.endpoint)
        if old is not None:
            old.abandon()

    def _on_going_away(self, uri: str, timeout_ms: int) -> None:
        where = uri or "the same place"
        log.warning("%s: going away, in %d ms; then at %s", self.endpoint, timeout_ms, where)
        if uri and not self._dialer.go_to(uri):
            log.warning("%s: %s is no place to go to", self.endpoint, uri[:300])
            uri = ""
        if self._dialer.direct:
            self.going_away = uri
        else:
            self._calls.leaving = True
            self._leave.set()

    def _not_connected(self, error: WireError) -> None:
        self._failure = error
        self._calls.not_connected(error)

    def _use(self, protocol: ClientProtocol) -> None:
        self._protocol = protocol
        self._failure = self.going_away = None
        self._connected.set()
        log.info("%s: connected", self.endpoint)
        self._calls.use(protocol)

    def _lost(self, why: str, *, never_stood: bool) -> None:
        self._failure = WireError(ErrorCode.CONNECTION_LOST, f"{self.endpoint}: {why}")
        self.reconnects += 1
        self._drop_connection()
        self._calls.lost(self._failure, begin_again=never_stood)

    def _drop_connection(self) -> None:
        protocol, self._protocol = self._protocol, None
        self._connected.clear()
        if protocol is not None:
            protocol.abandon()
