"""A QUIC connection as both ends of the model leg have it: its clock, its streams, what arrives.

What is needed of aioquic behind its public interface is in `bridge.quic.internals`; how audio
leaves is in `bridge.wire.transport`.
"""

import asyncio
import logging
import time
from typing import Any, cast

import uvloop
from aioquic.asyncio.protocol import QuicConnectionProtocol
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
from bridge.wire.age import SocketAge
from bridge.wire.sockets import CountingSend
from bridge.wire.stats import TransportStats

QUIET_SECS = 0.1
"""While audio flows one way, an acknowledgement comes the other way every 20 ms."""
NO_ERROR, REFUSED = 0, 1
"""QUIC application error codes."""

log = logging.getLogger(__name__)
logging.getLogger("quic").setLevel(logging.WARNING)
"""aioquic's own lines: what they say of a connection's beginning and end, ours say in our terms."""


class WireConnection(QuicConnectionProtocol):
    """A connection whose owner gets calls of the `on_…` methods below."""

    connected_socket = False

    def __init__(self, quic: QuicConnection, stream_handler: Any = None) -> None:
        super().__init__(quic)
        self.stats = TransportStats()
        # uvloop's time is that of its last round, in whole milliseconds.
        by_rounds = isinstance(self._loop, uvloop.Loop)
        self._clock = time.monotonic if by_rounds else self._loop.time
        self.last_heard = self._loop.time()
        """When the other side was last known to be alive."""
        self.packet_at = self.last_heard
        """When the last packet came."""
        self.ended: ConnectionTerminated | None = None
        self._internals = Internals(quic, self._on_fate, self._on_packet)

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

    def _on_fate(self, datagrams: list[Datagram], arrived: bool) -> None:
        """What became of a packet with these datagrams."""
        raise NotImplementedError

    def _on_packet(self, size: int, arrived: bool) -> None:
        """What became of a packet of this size."""
        raise NotImplementedError

    # --- what is known -----------------------------------------------------------------------

    @property
    def now(self) -> float:
        return self._loop.time()

    @property
    def rtt(self) -> float:
        """Seconds, smoothed; 0 before the first measurement."""
        return self._internals.rtt

    def carries(self, secs: float) -> int:
        """Bytes that the path takes in so many seconds, as far as is known; 0 when it is not."""
        return int(self._internals.model.bandwidth * secs)

    @property
    def quiet(self) -> bool:
        """Nothing has come for a while: what is missing is not late, the path may be broken."""
        return self.now - self.packet_at > QUIET_SECS

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

    # --- sending -----------------------------------------------------------------------------

    def rank_stream(self, stream_id: int, rank: int, after: int | None = None) -> None:
        """Of streams that have something to send, those of the smallest rank go first; `after`
        another stream of the same rank, while that one has."""
        self._internals.rank_stream(stream_id, rank, after)

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

    def ping(self, n: int) -> None:
        """Ask the other side for a sign of life (a QUIC PING frame): its acknowledgement counts as
        one. Leaves with the next `transmit`."""
        self._quic.send_ping(n)

    def transmit_soon(self) -> None:
        """Once this turn of the event loop is done, so that what comes together goes together."""
        self._transmit_soon()

    def _send_by_aioquic(self) -> None:
        """As aioquic's own, by the clock that packets are received by."""
        self._transmit_task = None
        for data, address in self._quic.datagrams_to_send(now=self._clock()):
            self._transport.sendto(data, address)
        at = self._quic.get_timer()
        if at is None and self._timer is not None:
            self._timer.cancel()
            self._timer = self._timer_at = None
        self._wake_at(at)

    def _wake_at(self, at: float | None) -> None:
        """Have the timer go off then. One that goes off earlier is left alone: it finds nothing
        to do, which costs less than to set it anew with every packet."""
        if at is None or (self._timer is not None and self._timer_at <= at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._handle_timer)
        self._timer_at = at

    # --- receiving ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        datagrams = cast(asyncio.DatagramTransport, transport)
        self._transport = CountingSend(datagrams, self.connected_socket, self.stats)
        self._age = SocketAge(transport)

    def datagram_received(self, data: bytes | str, addr: Any) -> None:
        assert isinstance(data, bytes)
        self.stats.packets_received += 1
        now = self.packet_at = self.now
        lay = self._age.secs(first=self._transmit_task is None)
        came = self._clock() - lay
        self._internals.received(lay)
        try:
            datagrams = self._internals.express.receive(data, addr, came)
            if datagrams is None:
                self._quic.receive_datagram(data, addr, now=came)
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
                self.on_other(event)
            case _:
                self.on_other(event)
