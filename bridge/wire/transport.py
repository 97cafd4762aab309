"""QUIC as both ends of the model leg use it: batches, bounds, repair, packet sizes.

The decisions are made in cores without I/O, `bridge.quic`; what is needed of aioquic behind its
public interface is in `bridge.quic.internals`.
"""

import asyncio
import contextlib
import heapq
import ipaddress
import itertools
import logging
import math
import socket
from collections import deque
from collections.abc import Hashable
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

from bridge.quic.datagram import Datagram
from bridge.quic.internals import Internals
from bridge.quic.mtu import LADDER, PathMtu
from bridge.quic.payload import MAX_DATAGRAM
from bridge.wire.limits import ALPN, MAX_DATAGRAM_FRAME, QUIC_IDLE, REPAIR_SECS

PACKET_BYTES = 1200
"""A UDP payload that every path carries (RFC 9000 section 14)."""
LOOPBACK_PACKET_BYTES = 8192
"""A path that never leaves the machine carries 64 KiB; this bundles a dozen frames."""
BURST_PACKETS = 8
"""Packets that are built before the first of them is sent."""
SOCKET_BUFFER = 4 * 1024 * 1024
CHUNK_PACKETS = 8
"""Packets' worth of datagrams that aioquic is given at a time, while it builds their packets."""
AGAIN_SECS = (0.003, 0.010)
"""What must not be late is sent again after these times, unless it is known to have arrived: soon,
for a single loss costs no more than that; and when a short burst of losses is over."""
MOST_HURRIED = 8
"""Datagrams of a track that are doubled with a commit: the last 160 ms. Copies count against the
rate that the other side allows."""
QUIET_SECS = 0.1
"""While audio flows one way, an acknowledgement comes the other way every 20 ms."""
MAX_AGAIN = 2048
"""Copies that wait for their time; more are not sent."""
NO_FRAGMENTS = {
    # Linux: IP_MTU_DISCOVER, IPV6_MTU_DISCOVER and what they call "probe": don't fragment, and
    # don't believe a path MTU that anybody can tell us in an ICMP message.
    socket.AF_INET: ((socket.IPPROTO_IP, 10, 3),),
    socket.AF_INET6: ((socket.IPPROTO_IPV6, 23, 3),),
}
NO_ERROR, REFUSED = 0, 1
"""QUIC application error codes."""

log = logging.getLogger(__name__)
logging.getLogger("quic").setLevel(logging.WARNING)
"""aioquic's own lines: what they say of a connection's beginning and end, ours say in our terms."""


def configuration(*, is_client: bool, packet_bytes: int) -> QuicConfiguration:
    """What both sides set alike; certificates are the caller's part."""
    return QuicConfiguration(
        alpn_protocols=[ALPN],
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


def bind_sizes(sock: socket.socket) -> None:
    """Room for bursts, and packets that are never fragmented (RFC 8899 section 3)."""
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER)
    for level, option, value in NO_FRAGMENTS.get(sock.family, ()):
        with contextlib.suppress(OSError):
            sock.setsockopt(level, option, value)


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
    """Shed by us, oldest first, since the path did not take them in time."""
    datagrams_lost: int = 0
    """Carried by a packet that did not arrive."""
    datagrams_repaired: int = 0
    """Sent again for that."""
    datagrams_doubled: int = 0
    """Sent twice without waiting for a loss."""
    datagrams_too_large: int = 0
    """Not sent: they do not fit a packet of every path."""
    backed_off: int = 0
    """How often congestion lowered the rate."""
    moves: int = 0
    """How often the connection went on from another socket."""
    packet_bytes: int = 0
    """The size of UDP payloads that the path is used with."""
    black_holes: int = 0
    """How often larger packets stopped arriving."""


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

    def send_all(self, packets: list[bytes], address: Any) -> None:
        """One at once after the other: who receives them wakes once for all."""
        for packet in packets:
            self.sendto(packet, address)

    def close(self) -> None:
        self._transport.close()


class WireProtocol(QuicConnectionProtocol):
    """A connection whose owner gets calls of the `on_…` methods below."""

    connected_socket = False
    max_queued_secs = math.inf
    """Datagrams that have waited for longer are shed, oldest first."""

    def __init__(self, quic: QuicConnection, stream_handler: Any = None) -> None:
        super().__init__(quic)
        self.stats = TransportStats()
        self.last_heard = self._loop.time()
        """When the other side was last known to be alive."""
        self._packet_at = self.last_heard
        self.ended: ConnectionTerminated | None = None
        base = quic.configuration.max_datagram_size
        self.stats.packet_bytes = base
        self._internals = Internals(quic, self._on_fate, self._on_packet)
        self._mtu = PathMtu(base, LADDER[-1] if base == PACKET_BYTES else base)
        self._queue: deque[Datagram] = deque()
        self._again: list[tuple[float, int, Datagram | tuple[int, int, int]]] = []
        """What is sent again, soonest first: when, a number that keeps order, and a datagram or a
        range of a stream."""
        self.again = 0
        """How much was to be sent twice so far."""
        self._numbers = itertools.count()
        self._again_timer: asyncio.TimerHandle | None = None
        self._streams_first = False
        self._said_shed = False

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

    def queue_datagram(
        self,
        data: bytes,
        *,
        track: Hashable = None,
        repair_secs: float = REPAIR_SECS,
        twice: bool = False,
        ahead: bool = False,
    ) -> None:
        """Queue one datagram; it leaves with the next `transmit`, `ahead` of what waits already.

        It is sent again when it was lost and can still arrive within `repair_secs`; `twice` sends
        it again soon whatever happens. `track` is who is told when it is shed.
        """
        if len(data) > MAX_DATAGRAM:
            self.stats.datagrams_too_large += 1
            return
        self.stats.datagrams_sent += 1
        now = self.now
        datagram = Datagram(data, track, now, now + repair_secs)
        if ahead:
            self._queue.appendleft(datagram)
        else:
            self._queue.append(datagram)
        if twice:
            self._send_again(datagram)

    def hurry(self, track: Hashable) -> None:
        """Send twice what of a track waits or is on its way, not known to have arrived: something
        that cannot wait for a loss to be noticed depends on it."""
        waiting = (*self._internals.on_the_way, *self._queue)
        mine = dict.fromkeys(d for d in waiting if d.track == track and not d.arrived)
        for datagram in list(mine)[-MOST_HURRIED:]:
            self._send_again(datagram)

    def on_shed(self, track: Hashable) -> None:
        """A datagram of this track was shed: the path does not take what we have to send."""

    @property
    def queued_datagrams(self) -> int:
        return len(self._queue)

    @property
    def rtt(self) -> float:
        """Seconds, smoothed; 0 before the first measurement."""
        return self._internals.rtt

    def carries(self, secs: float) -> int:
        """Bytes that the path takes in so many seconds, as far as is known; 0 when it is not."""
        return int(self._internals.model.bandwidth * secs)

    def drop_oldest(self, bound: int) -> None:
        """Keep the newest `bound` of the queued datagrams."""
        while len(self._queue) > bound:
            self._shed(self._queue.popleft())

    def send_stream(self, stream_id: int, data: bytes, ended: bool, *, twice: bool = False) -> None:
        """Write to a stream; `twice` sends it again soon, without waiting for a loss."""
        if self.ended is not None:
            return
        # Raised when the other side has asked for no more of this stream, or it is long over.
        with contextlib.suppress(RuntimeError, ValueError):
            self._quic.send_stream_data(stream_id, data, ended)
            self._internals.serve(stream_id)
            self._streams_first = True
            self._internals.allow_repeats(stream_id)
            if twice and data:
                end = self._internals.stream_end(stream_id)
                self._send_again((stream_id, end - len(data), end))

    def transmit(self) -> None:
        """Send what is queued, as far as window and pacer let it go.

        Streams go first, in packets of their own: control never waits for audio. Each packet
        leaves when it is built, so that the other side works on it while the next are.
        """
        now = self.now
        internals, queue = self._internals, self._queue
        self._shed_aged(now)
        self._probe_path(now)
        internals.begin()
        if not internals.express.usable:
            self._transmit_by_aioquic()
        else:
            if internals.express.others_wait(now):
                super().transmit()
            self._transmit_task = None
            address = internals.address
            packets = []
            while (packet := internals.express.next_packet(queue, now)) is not None:
                packets.append(packet)
                if len(packets) == BURST_PACKETS:
                    self._transport.send_all(packets, address)
                    packets.clear()
            self._transport.send_all(packets, address)
            self._wake_at(internals.timer())
        if not queue and internals.window_has_room:
            internals.model.on_idle()
        self.stats.backed_off = internals.model.backed_off

    def _transmit_by_aioquic(self) -> None:
        """The same while the connection is not in its ordinary state. aioquic builds all packets
        before it gives out the first, so it is fed a few packets at a time."""
        pending = self._internals.pending
        if self._streams_first:
            super().transmit()
            self._streams_first = self._internals.stream_data_waits
        chunk = CHUNK_PACKETS * self.stats.packet_bytes
        while True:
            room = chunk - sum(len(d.data) for d in pending)
            while self._queue and room > 0:
                room -= len(self._queue[0].data)
                pending.append(self._queue.popleft())
            before = len(pending)
            super().transmit()
            # Less than all left: aioquic stopped at a control frame that did not fit a packet.
            if len(pending) == before or not (pending or self._queue):
                break
        self._queue.extendleft(reversed(pending))
        pending.clear()

    def _wake_at(self, at: float | None) -> None:
        """Have the timer go off then. One that goes off earlier is left alone: it finds nothing
        to do, which costs less than to set it anew with every packet."""
        if at is None or (self._timer is not None and self._timer_at <= at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._handle_timer)
        self._timer_at = at

    @property
    def quiet(self) -> bool:
        """Nothing has come for a while: what is missing is not late, the path may be broken."""
        return self.now - self._packet_at > QUIET_SECS

    @property
    def confirmed(self) -> bool:
        """The handshake is over on both sides."""
        return self._internals.confirmed

    @property
    def unacknowledged(self) -> bool:
        """Whether the other side has yet to confirm something that streams carried."""
        return self._internals.unacknowledged

    def stream_backlog(self, stream_id: int) -> int:
        """Bytes of a stream that the other side has not acknowledged."""
        return self._internals.stream_backlog(stream_id)

    def stop_reading(self, stream_id: int, code: int = NO_ERROR) -> None:
        """We want no more of a stream."""
        if self.ended is None and self._internals.has_stream(stream_id):
            self._quic.stop_stream(stream_id, code)
            self._internals.serve(stream_id)

    def reset_stream(self, stream_id: int, code: int) -> None:
        """We send no more on a stream, and what was not delivered yet need not be."""
        if self.ended is None and self._internals.has_stream(stream_id):
            self._quic.reset_stream(stream_id, code)
            self._internals.serve(stream_id)

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

    # --- what became of packets --------------------------------------------------------------

    def _on_fate(self, datagrams: list[Datagram], arrived: bool) -> None:
        if arrived:
            for datagram in datagrams:
                datagram.arrived = True
            return
        self.stats.datagrams_lost += len(datagrams)
        in_time = self.now + self._internals.rtt / 2
        again = [d for d in datagrams if not d.arrived and in_time < d.repair_until]
        self.stats.datagrams_repaired += len(again)
        self._queue.extendleft(reversed(again))

    def _on_packet(self, size: int, arrived: bool) -> None:
        if self._mtu.on_packet(size, arrived, self.now):
            log.warning("packets of %d bytes no longer arrive, using %d", size, self._mtu.base)
            self._resize()

    def _on_probe(self, size: int, arrived: bool) -> None:
        self._mtu.on_probe(size, arrived)
        self._resize()

    def _resize(self) -> None:
        self.stats.packet_bytes = self._mtu.size
        self.stats.black_holes = self._mtu.black_holes
        self._internals.resize(self._mtu.size)

    def _probe_path(self, now: float) -> None:
        """Try larger packets once the connection stands, one probe at a time (RFC 8899)."""
        if not self._internals.confirmed or self.ended is not None:
            return
        size = self._mtu.next_probe(now)
        if size is not None:
            for data, address in self._internals.probe(size, self._on_probe, now):
                self._transport.sendto(data, address)

    def _shed_aged(self, now: float) -> None:
        before = now - self.max_queued_secs
        while self._queue and self._queue[0].queued_at < before:
            self._shed(self._queue.popleft())

    def _shed(self, datagram: Datagram) -> None:
        self.stats.datagrams_dropped += 1
        if not self._said_shed:
            self._said_shed = True
            log.warning(
                "the path to the model takes less than the calls say (%.0f kbit/s): audio is shed, "
                "oldest first; said once a connection, counted for each call",
                self._internals.model.bandwidth * 8 / 1000,
            )
        self.on_shed(datagram.track)

    def _send_again(self, what: Datagram | tuple[int, int, int]) -> None:
        if len(self._again) >= MAX_AGAIN:
            return
        self.again += 1
        for secs in AGAIN_SECS:
            heapq.heappush(self._again, (self.now + secs, next(self._numbers), what))
        self._wake_again()

    def _wake_again(self) -> None:
        if self._again_timer is not None:
            self._again_timer.cancel()
            self._again_timer = None
        if self._again and self.ended is None:
            self._again_timer = self._loop.call_at(self._again[0][0], self._again_due)

    def _again_due(self) -> None:
        self._again_timer = None
        now = self.now
        while self._again and self._again[0][0] <= now + 0.001:
            _, _, what = heapq.heappop(self._again)
            if isinstance(what, tuple):
                self._internals.repeat(*what, send=super().transmit)
            elif not what.arrived:
                self.stats.datagrams_doubled += 1
                self._queue.append(what)
        self._wake_again()
        self.transmit()

    # --- receiving ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        datagrams = cast(asyncio.DatagramTransport, transport)
        self._transport = _CountingSend(datagrams, self.connected_socket, self.stats)

    def datagram_received(self, data: bytes | str, addr: Any) -> None:
        assert isinstance(data, bytes)
        self.stats.packets_received += 1
        now = self._packet_at = self.now
        try:
            datagrams = self._internals.express.receive(data, addr, now)
            if datagrams is None:
                self._quic.receive_datagram(data, addr, now=now)
            elif datagrams:
                self.stats.datagrams_received += len(datagrams)
                self.last_heard = now
                for datagram in datagrams:
                    self.on_datagram(datagram, now)
            if self._internals.events_wait:
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
                self._internals.serve(stream_id)
                self.on_stream(stream_id, data, ended, self.now)
            case PingAcknowledged():
                self.last_heard = self.now
            case StreamReset(stream_id=stream_id, error_code=code):
                self.on_stream_reset(stream_id, code, self.now)
            case StopSendingReceived(stream_id=stream_id, error_code=code):
                self._internals.serve(stream_id)  # QUIC resets it
                self.on_stop_sending(stream_id, code, self.now)
            case ConnectionTerminated():
                self.ended = event
                if self._again_timer is not None:
                    self._again_timer.cancel()
                self._again.clear()
                self.on_other(event)
            case _:
                self.on_other(event)
