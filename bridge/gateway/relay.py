"""The gateway behind a relay: a connection out to it, kept, over which it is offered calls."""

import asyncio
import logging
import math

from bridge.agent import TlsOptions
from bridge.gateway.call import Host
from bridge.gateway.connection import GatewayLink
from bridge.leg.dial import ClientProtocol, Dialer
from bridge.wire.errors import WireError

BACKOFF_FIRST, BACKOFF_MOST = 0.25, 10.0
BACKOFF_WITH_CALLS = 1.0
"""The longest pause while calls are open: they wait for this."""

log = logging.getLogger(__name__)


class RelayLink:
    """One relay, by its `moqt://HOST:PORT/PATH`. Raises ValueError for what is none."""

    def __init__(self, host: Host, endpoint: str, tls: TlsOptions, most_calls: int) -> None:
        self.endpoint = endpoint
        self.connected = asyncio.Event()
        self._host = host
        self._dialer = Dialer(endpoint, tls, packet_bytes=0)
        self._most_calls = most_calls
        self._finishing: set[asyncio.Task[None]] = set()
        """Of connections to it that end."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def close(self) -> None:
        self._task.cancel()
        for task in self._finishing:
            task.cancel()

    async def _run(self) -> None:
        """Connect, serve, and connect again."""
        pause, full = BACKOFF_FIRST, False
        while True:
            try:
                why, stood = await self._serve(full)
                # A ticket that nobody has answered is not to be trusted twice.
                full = not stood
                if stood:
                    pause = BACKOFF_FIRST
            except WireError as error:
                why = str(error)
            except Exception:
                log.exception("relay %s: the connection broke", self.endpoint)
                why = "internal error"
            self.connected.clear()
            if self._host.sids:
                pause = min(pause, BACKOFF_WITH_CALLS)
            log.warning("relay %s: %s; next try in %.1f s", self.endpoint, why, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, BACKOFF_MOST)

    async def _serve(self, full: bool) -> tuple[str, bool]:
        """Until the connection has ended; returns why it has, and whether it ever stood. `full`:
        not with a ticket. Raises WireError without one."""
        protocol = await self._dialer.dial(full=full)
        # What the path does not take waits in its call, as towards a plugin.
        protocol.max_queued_secs = math.inf
        link = GatewayLink(self._host, self._most_calls, relayed=True)
        leaving = asyncio.ensure_future(link.leaving.wait())
        watching = asyncio.ensure_future(protocol.watch())
        finishing = False
        try:
            link.start(protocol)
            protocol.attach(link)
            self.connected.set()
            log.info("relay %s: connected", self.endpoint)
            await asyncio.wait({watching, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                return watching.result(), protocol.stood
            if link.go_to and not self._dialer.go_to(link.go_to):
                log.warning("relay %s: %s is no place to go to", self.endpoint, link.go_to[:300])
            finishing = True
            task = asyncio.ensure_future(self._finish(protocol, link, watching))
            self._finishing.add(task)
            task.add_done_callback(self._finishing.discard)
            return "it is going away", True
        finally:
            leaving.cancel()
            if not finishing:
                watching.cancel()
                link.over()
                protocol.abandon()

    async def _finish(
        self, protocol: ClientProtocol, link: GatewayLink, watching: "asyncio.Future[str]"
    ) -> None:
        """Serve the calls of a relay that ends, until they have gone elsewhere or it has ended."""
        try:
            while link.busy and not watching.done():
                await asyncio.wait({watching}, timeout=1)
        finally:
            watching.cancel()
            link.over()
            protocol.abandon()
