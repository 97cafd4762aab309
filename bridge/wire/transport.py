"""How audio and messages leave a connection of the model leg: batches, bounds, repair, sizes.

The decisions are made in cores without I/O, `bridge.quic`; what a connection is besides that, and
what arrives on it, is in `bridge.wire.connection`.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import Hashable
from typing import Any

from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, QuicEvent

from bridge.quic.copies import Copies, StreamRange
from bridge.quic.datagram import ORDINARY, Datagram
from bridge.quic.mtu import LADDER, PathMtu
from bridge.quic.payload import MAX_DATAGRAM
from bridge.quic.waiting import Waiting
from bridge.wire.connection import WireConnection
from bridge.wire.limits import REPAIR_SECS
from bridge.wire.sockets import PACKET_BYTES

BURST_PACKETS = 8
"""Packets that are built before the first of them is sent."""
CHUNK_PACKETS = 8
"""Packets' worth of datagrams that aioquic is given at a time, while it builds their packets."""
MOST_HURRIED = 8
"""Datagrams of a track that are doubled with a commit: the last 160 ms. Copies count against the
rate that the other side allows."""

log = logging.getLogger(__name__)


class WireProtocol(WireConnection):
    """A connection whose owner gets calls of the `on_…` methods below."""

    max_queued_secs = math.inf
    """Datagrams that have waited for longer are shed, oldest first."""

    def __init__(self, quic: QuicConnection, stream_handler: Any = None) -> None:
        super().__init__(quic)
        base = quic.configuration.max_datagram_size
        self.stats.packet_bytes = base
        self._mtu = PathMtu(base, LADDER[-1] if base == PACKET_BYTES else base)
        self._queue = Waiting()
        self._copies = Copies()
        self._copies_timer: asyncio.TimerHandle | None = None
        self._streams_first = False
        self._said_shed = False

    # --- sending -----------------------------------------------------------------------------

    def queue_datagram(
        self,
        data: bytes,
        *,
        track: Hashable = None,
        repair_secs: float = REPAIR_SECS,
        twice: bool = False,
        rank: int = ORDINARY,
        expires_secs: float = math.inf,
    ) -> None:
        """Queue one datagram; it leaves with the next `transmit`, before what waits of greater
        `rank` already, unless `expires_secs` are over by then.

        It is sent again when it was lost and can still arrive within `repair_secs`; `twice` sends
        it again soon whatever happens. `track` is who is told when it is shed.
        """
        if len(data) > MAX_DATAGRAM:
            self.stats.datagrams_too_large += 1
            return
        self.stats.datagrams_sent += 1
        now = self._loop.time()
        datagram = Datagram(data, track, now, now + repair_secs, False, rank)
        if expires_secs != math.inf:
            datagram.expires_at = now + expires_secs
            datagram.repair_until = min(datagram.repair_until, datagram.expires_at)
            self._queue.timed = True
        self._queue.put(datagram)
        if twice:
            self._send_again(datagram)

    def hurry(self, track: Hashable) -> None:
        """Send twice what of a track waits or is on its way, not known to have arrived: something
        that cannot wait for a loss to be noticed depends on it."""
        waiting = (*self._internals.on_the_way, *self._queue)
        mine = dict.fromkeys(d for d in waiting if d.track == track and not d.arrived)
        for datagram in list(mine)[-MOST_HURRIED:]:
            self._send_again(datagram)

    def forget(self, track: Hashable) -> None:
        """Of a track nothing more is sent: neither what waits, nor what is lost from now on."""
        for datagram in (*self._internals.on_the_way, *self._queue):
            if datagram.track is track:
                datagram.arrived = True
        self._queue.drop_arrived()

    def on_shed(self, track: Hashable) -> None:
        """A datagram of this track was shed: the path does not take what we have to send."""

    @property
    def queued_datagrams(self) -> int:
        return len(self._queue)

    def queued_before(self, rank: int) -> int:
        """Those that would leave before one more of this rank."""
        return self._queue.count_to(rank)

    def drop_oldest(self, bound: int) -> None:
        """Keep the newest `bound` of the queued datagrams, of the smallest ranks."""
        for datagram in self._queue.shed_to(bound):
            self._shed(datagram)

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
        now = self._clock()
        internals, queue = self._internals, self._queue
        self._shed_aged(now)
        self._probe_path(now)
        internals.begin()
        if not internals.express.usable:
            self._transmit_by_aioquic()
        else:
            if internals.express.others_wait(now):
                self._send_by_aioquic()
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
            self._send_by_aioquic()
            self._streams_first = self._internals.stream_data_waits
        chunk = CHUNK_PACKETS * self.stats.packet_bytes
        while True:
            room = chunk - sum(len(d.data) for d in pending)
            while self._queue and room > 0:
                room -= len(self._queue[0].data)
                pending.append(self._queue.popleft())
            before = len(pending)
            self._send_by_aioquic()
            # Less than all left: aioquic stopped at a control frame that did not fit a packet.
            if len(pending) == before or not (pending or self._queue):
                break
        self._queue.extendleft(reversed(pending))
        pending.clear()

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
        self._queue.put_back(again)

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
        if self._queue and (self.max_queued_secs < math.inf or self._queue.timed):
            for datagram in self._queue.shed_before(now - self.max_queued_secs, now):
                self._shed(datagram)

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

    @property
    def again(self) -> int:
        """How much was to be sent twice so far."""
        return self._copies.asked

    def _send_again(self, what: Datagram | StreamRange) -> None:
        self._copies.add(what, self.now)
        self._wake_for_copies()

    def _wake_for_copies(self) -> None:
        if self._copies_timer is not None:
            self._copies_timer.cancel()
            self._copies_timer = None
        if self._copies.deadline is not None and self.ended is None:
            self._copies_timer = self._loop.call_at(self._copies.deadline, self._send_copies)

    def _send_copies(self) -> None:
        self._copies_timer = None
        for what in self._copies.due(self.now):
            if isinstance(what, tuple):
                self._internals.repeat(*what, send=self._send_by_aioquic)
            else:
                self.stats.datagrams_doubled += 1
                self._queue.timed |= what.expires_at != math.inf
                self._queue.put(what)
        self._wake_for_copies()
        self.transmit()

    # --- the end -----------------------------------------------------------------------------

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ConnectionTerminated):
            self.ended = event
            self._copies.clear()
            self._wake_for_copies()
        super().quic_event_received(event)
