"""aioquic as both ends of the model leg use it: batches, bounds, pacing and pings.

Three things here reach behind aioquic's public interface, and nothing else in the project does:
the pacer (see `congestion`), the datagrams that it has queued, and a stream's unconfirmed bytes.
"""

import asyncio
import contextlib
import ipaddress
import logging
from collections import deque
from dataclasses import dataclass
from typing import Any, cast

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import (
    ConnectionTerminated,
    DatagramFrameReceived,
    PingAcknowledged,
    QuicEvent,
    StopSendingReceived,
    StreamDataReceived,
    StreamReset,
)
from aioquic.quic.packet import QuicErrorCode

from bridge.wire import congestion
from bridge.wire.limits import ALPN, MAX_DATAGRAM_FRAME, QUIC_IDLE

PACKET_BYTES = 1200
"""A UDP payload that every path carries (RFC 9000 section 14)."""
LOOPBACK_PACKET_BYTES = 8192
"""A path that never leaves the machine carries 64 KiB; this bundles a dozen frames."""
SOCKET_BUFFER = 4 * 1024 * 1024
CHUNK_PACKETS = 8
"""Packets' worth of datagrams that aioquic is given at a time."""
NO_ERROR, REFUSED = 0, 1
"""QUIC application error codes."""

log = logging.getLogger(__name__)
logging.getLogger("quic").setLevel(logging.WARNING)
"""aioquic's own lines: what they say of a connection's beginning and end, ours say in our terms."""


def configuration(*, is_client: bool, packet_bytes: int) -> QuicConfiguration:
    """What both sides set alike; certificates are the caller's part."""
    return QuicConfiguration(
        alpn_protocols=[ALPN],
        congestion_control_algorithm=congestion.NAME,
        is_client=is_client,
        idle_timeout=QUIC_IDLE,
        max_datagram_frame_size=MAX_DATAGRAM_FRAME,
        max_datagram_size=packet_bytes,
        max_stream_data=64 * 1024,
    )


def packet_bytes_to(address: str) -> int:
    """The packet size to send to an IP address without probing the path."""
    loopback = ipaddress.ip_address(address.partition("%")[0]).is_loopback
    return LOOPBACK_PACKET_BYTES if loopback else PACKET_BYTES


@dataclass(slots=True)
class TransportStats:
    """One connection's counters."""

    packets_sent: int = 0
    packets_received: int = 0
    datagrams_sent: int = 0
    datagrams_received: int = 0
    datagrams_malformed: int = 0
    datagrams_unknown: int = 0
    """For a call that is not open: it ended, or never was."""
    streams_refused: int = 0
    """Data on streams that are no call's."""
    datagrams_dropped: int = 0
    """Dropped by us, oldest first, since the path did not take them in time."""


class _CountingSend:
    """The socket as aioquic's protocol wants it; on a connected one, without an address."""

    def __init__(
        self, transport: asyncio.DatagramTransport, connected: bool, stats: TransportStats
    ) -> None:
        self._transport = transport
        self._connected = connected
        self._stats = stats

    def sendto(self, data: bytes, address: Any) -> None:
        if self._transport.is_closing():
            return
        self._stats.packets_sent += 1
        self._transport.sendto(data, None if self._connected else address)

    def close(self) -> None:
        self._transport.close()


class WireProtocol(QuicConnectionProtocol):
    """A connection whose owner gets calls of the `on_…` methods below."""

    connected_socket = False

    def __init__(self, quic: QuicConnection, stream_handler: Any = None) -> None:
        super().__init__(quic)
        self.stats = TransportStats()
        self.last_heard = self._loop.time()
        """When the other side was last known to be alive."""
        self.ended: ConnectionTerminated | None = None
        quic._loss._pacer = congestion.TickPacer(
            max_datagram_size=quic.configuration.max_datagram_size
        )
        self._queue: deque[bytes] = deque()
        self._chunk_bytes = CHUNK_PACKETS * quic.configuration.max_datagram_size

    # --- for owners to fill ------------------------------------------------------------------

    def on_datagram(self, data: bytes, now: float) -> None:
        raise NotImplementedError

    def on_stream(self, stream_id: int, data: bytes, ended: bool, now: float) -> None:
        raise NotImplementedError

    def on_stream_reset(self, stream_id: int, code: int, now: float) -> None:
        """The other side sends no more on a stream."""
        raise NotImplementedError

    def on_stop_sending(self, stream_id: int, code: int, now: float) -> None:
        """The other side wants no more of a stream; QUIC has reset our half."""
        raise NotImplementedError

    def on_other(self, event: QuicEvent) -> None:
        """Handshake and end of the connection."""
        raise NotImplementedError

    # --- sending -----------------------------------------------------------------------------

    @property
    def now(self) -> float:
        return self._loop.time()

    def queue_datagram(self, data: bytes) -> None:
        """Queue one datagram; it leaves with the next `transmit`."""
        self.stats.datagrams_sent += 1
        self._queue.append(data)

    @property
    def queued_datagrams(self) -> int:
        return len(self._queue) + len(self._quic._datagrams_pending)

    def drop_oldest(self, bound: int) -> None:
        """Keep the newest `bound` of the queued datagrams."""
        while self._queue and self.queued_datagrams > bound:
            self._queue.popleft()
            self.stats.datagrams_dropped += 1

    def send_stream(self, stream_id: int, data: bytes, ended: bool) -> None:
        if self.ended is not None:
            return
        # Raised when the other side has asked for no more of this stream, or it is long over.
        with contextlib.suppress(RuntimeError, ValueError):
            self._quic.send_stream_data(stream_id, data, ended)

    def transmit(self) -> None:
        """Send what is queued, as far as window and pacer let it go.

        aioquic builds all packets before it gives out the first, so it is fed a few packets at
        a time: the other side works on the first while the next are built.
        """
        pending = self._quic._datagrams_pending
        while True:
            room = self._chunk_bytes - sum(map(len, pending))
            while self._queue and room > 0:
                room -= len(self._queue[0])
                pending.append(self._queue.popleft())
            before = len(pending)
            super().transmit()
            # Less than all left: aioquic stopped at a control frame that did not fit a packet.
            if len(pending) == before or not (pending or self._queue):
                return

    @property
    def unacknowledged(self) -> bool:
        """Whether the other side has yet to confirm something that streams carried."""
        return any(stream.sender._buffer for stream in self._quic._streams.values())

    def stream_backlog(self, stream_id: int) -> int:
        """Bytes of a stream that the other side has not acknowledged."""
        stream = self._quic._streams.get(stream_id)
        return len(stream.sender._buffer) if stream is not None else 0

    def stop_reading(self, stream_id: int, code: int = NO_ERROR) -> None:
        """We want no more of a stream."""
        if self.ended is None and stream_id in self._quic._streams:
            self._quic.stop_stream(stream_id, code)

    def reset_stream(self, stream_id: int, code: int) -> None:
        """We send no more on a stream, and what was not delivered yet need not be."""
        if self.ended is None and stream_id in self._quic._streams:
            self._quic.reset_stream(stream_id, code)

    def refuse_stream(self, stream_id: int) -> None:
        """Take nothing more of a stream, and send nothing more on it if it has our half."""
        self.stats.streams_refused += 1
        self.stop_reading(stream_id, REFUSED)
        if not stream_id & 2:
            self.reset_stream(stream_id, REFUSED)

    def ping(self, n: int) -> None:
        """Ask the other side for a sign of life (a QUIC PING frame): its acknowledgement counts as
        one. Leaves with the next `transmit`."""
        self._quic.send_ping(n)

    def transmit_soon(self) -> None:
        """Once this turn of the event loop is done, so that what comes together goes together."""
        self._transmit_soon()

    # --- receiving ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        datagrams = cast(asyncio.DatagramTransport, transport)
        self._transport = _CountingSend(datagrams, self.connected_socket, self.stats)

    def datagram_received(self, data: bytes | str, addr: Any) -> None:
        assert isinstance(data, bytes)
        self.stats.packets_received += 1
        try:
            self._quic.receive_datagram(data, addr, now=self.now)
            self._process_events()
        except Exception:
            log.exception("closing a model connection: a packet from %s broke it", addr)
            self._quic.close(QuicErrorCode.INTERNAL_ERROR, reason_phrase="internal error")
        self._transmit_soon()

    def quic_event_received(self, event: QuicEvent) -> None:
        match event:
            case DatagramFrameReceived(data=data):
                self.stats.datagrams_received += 1
                self.last_heard = self.now
                self.on_datagram(data, self.now)
            case StreamDataReceived(stream_id=stream_id, data=data, end_stream=ended):
                self.last_heard = self.now
                self.on_stream(stream_id, data, ended, self.now)
            case PingAcknowledged():
                self.last_heard = self.now
            case StreamReset(stream_id=stream_id, error_code=code):
                self.on_stream_reset(stream_id, code, self.now)
            case StopSendingReceived(stream_id=stream_id, error_code=code):
                self.on_stop_sending(stream_id, code, self.now)
            case ConnectionTerminated():
                self.ended = event
                self.on_other(event)
            case _:
                self.on_other(event)
