"""A network path between two sockets on loopback that a test can cut or make lossy."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Any

from bridge.leg.quic import QuicConnection
from tests.leg.network import Place, connection


class Path(asyncio.DatagramProtocol):
    """Forwards UDP to `target` and back. One client at a time."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._client: Any = None
        self._there: asyncio.DatagramTransport | None = None
        self._here: asyncio.DatagramTransport | None = None
        self._rng = random.Random(7)
        self.cut = False
        self.loss = 0.0
        self.burst = 1.0
        """Packets lost in a row, on average."""
        self.delay = 0.0
        """Each way, seconds."""
        self.rate = 0.0
        """Of a bottleneck, bytes a second each way; 0: none."""
        self.queue_secs = 0.3
        """What waits in front of it; more is lost."""
        self._free_at: dict[Any, float] = {}
        self._bad = False
        self.swap = 0.0
        """Share of packets from the client that are held until the next one has passed."""
        self._held: bytes | None = None
        self.recorded: list[bytes] | None = None
        """What the client sends, from when this is a list."""
        self._ignored: Any = None

    async def open(self) -> str:
        """Returns the endpoint to use."""
        loop = asyncio.get_running_loop()
        self._there, _ = await loop.create_datagram_endpoint(
            lambda: _Back(self), remote_addr=self._target
        )
        self._here, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        host, port = self._here.get_extra_info("sockname")
        return f"quic://{host}:{port}"

    async def rebind(self) -> None:
        """Reach the target from another port from now on, as a NAT does that forgot its client."""
        old = self._there
        self._there, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Back(self), remote_addr=self._target
        )
        old.close()

    def ignore_client(self) -> None:
        """Carry nothing more to or from the address that the client has now."""
        self._ignored = self._client

    def close(self) -> None:
        for transport in (self._here, self._there):
            if transport is not None:
                transport.close()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if addr == self._ignored:
            return
        self._client = addr
        if self.recorded is not None:
            self.recorded.append(data)
        if self._lost():
            return
        if self._held is None and self._rng.random() < self.swap:
            self._held = data
            return
        self._pass_on(self._there, data)
        if self._held is not None:
            self._pass_on(self._there, self._held)
            self._held = None

    def _pass_on(self, out: Any, data: bytes, *address: Any) -> None:
        delay = self.delay
        if self.rate:
            now = asyncio.get_running_loop().time()
            starts = max(now, self._free_at.get(out, 0.0))
            if starts - now > self.queue_secs:
                return
            self._free_at[out] = starts + len(data) / self.rate
            delay += self._free_at[out] - now
        if delay:
            asyncio.get_running_loop().call_later(delay, out.sendto, data, *address)
        else:
            out.sendto(data, *address)

    def back(self, data: bytes) -> None:
        if not self._lost() and self._client not in (None, self._ignored):
            self._pass_on(self._here, data, self._client)

    def _lost(self) -> bool:
        if self.burst > 1 and self.loss:
            enter = self.loss / (1 - self.loss) / self.burst
            self._bad = self._rng.random() < (1 - 1 / self.burst if self._bad else enter)
            return self.cut or self._bad
        return self.cut or self._rng.random() < self.loss


class _Back(asyncio.DatagramProtocol):
    def __init__(self, path: Path) -> None:
        self._path = path

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._path.back(data)


@contextlib.asynccontextmanager
async def over_path(
    where: Place, tls: Any = None, **options: Any
) -> AsyncIterator[tuple[Path, QuicConnection]]:
    """A connection to the gateway, and the path that it goes by."""
    path = Path(where.gateway.address)
    try:
        async with connection(where, tls, await path.open(), **options) as line:
            yield path, line
    finally:
        path.close()


async def lost(line: QuicConnection, path: Path) -> None:
    """Cut the path until the connection is given up."""
    path.cut = True
    while line.connected:
        await asyncio.sleep(0.02)


async def made_again(line: QuicConnection, path: Path) -> None:
    """Cut the path until the connection is given up, and have it made again."""
    before = line.reconnects
    path.cut = True
    while line.reconnects == before:
        await asyncio.sleep(0.02)
    path.cut = False
