"""The gateway behind a relay: a connection out to it, kept, over which it is offered calls."""

import asyncio
import logging
import math

from bridge.agent import TlsOptions
from bridge.gateway.connection import GatewayLink, Host
from bridge.leg.dial import Dialer
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
        self._task = asyncio.get_running_loop().create_task(self._run())

    def close(self) -> None:
        self._task.cancel()

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
        try:
            link.start(protocol)
            protocol.attach(link)
            self.connected.set()
            log.info("relay %s: connected", self.endpoint)
            return await protocol.watch(), protocol.stood
        finally:
            link.over()
            protocol.abandon()
