"""What the transport does behind aioquic's public interface; nothing outside of `bridge.quic` does.

pyproject.toml pins the release that this was written for, and
`tests/quic/test_what_is_used_of_aioquic_is_there.py` fails when a newer one lacks a part of it.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic.congestion.base import QuicCongestionControl
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import QuicFrameType, QuicPacketType
from aioquic.quic.packet_builder import (
    QuicDeliveryState,
    QuicPacketBuilder,
    QuicPacketBuilderStop,
    QuicSentPacket,
)
from aioquic.quic.recovery import QuicPacketPacer
from aioquic.quic.stream import QuicStreamSender
from aioquic.tls import Epoch
from cryptography.x509 import Certificate

from bridge.quic.bandwidth import BandwidthModel, Sent
from bridge.quic.datagram import Datagram
from bridge.quic.express import Express, OnFate
from bridge.quic.streams import StreamChooser

OnSize = Callable[[int, bool], None]
"""Called with a packet's size and whether it arrived."""


def _nothing() -> None: ...


def peer_certificate(protocol: QuicConnectionProtocol) -> Certificate | None:
    """What the far side showed in the handshake; None before it was over."""
    return protocol._quic.tls._peer_certificate


class ModelCongestionControl(QuicCongestionControl):
    """`BandwidthModel` as aioquic's congestion control."""

    def __init__(self, model: BandwidthModel, on_size: OnSize) -> None:
        self._model = model
        self._on_size = on_size
        self._sent: dict[int, Sent] = {}
        self.there = self.here = 0.0
        """How long what is acknowledged now lay in the other side's socket, and the
        acknowledgement in ours; seconds."""
        self.pacer: TickPacer | None = None
        self.on_loss: Callable[[], None] = _nothing

    @property
    def congestion_window(self) -> int:  # type: ignore[override]
        return self._model.window

    @property
    def bytes_in_flight(self) -> int:  # type: ignore[override]
        return self._model.in_flight

    def on_packet_sent(self, *, packet: QuicSentPacket) -> None:
        assert packet.sent_time is not None
        self._sent[packet.packet_number] = self._model.on_sent(packet.sent_bytes, packet.sent_time)
        if self.pacer is not None:
            self.pacer.charge(packet.sent_bytes)

    def on_packet_acked(self, *, packet: QuicSentPacket, now: float) -> None:
        sent = self._sent.pop(packet.packet_number, None)
        if sent is not None:
            self._model.on_acked(sent, now)
            self._on_size(sent.size, True)

    def on_packets_lost(self, *, now: float, packets: Iterable[QuicSentPacket]) -> None:
        for packet in packets:
            sent = self._sent.pop(packet.packet_number, None)
            if sent is not None:
                self._model.on_lost(sent)
                self._on_size(sent.size, False)
        self.on_loss()

    def on_packets_expired(self, *, packets: Iterable[QuicSentPacket]) -> None:
        for packet in packets:
            sent = self._sent.pop(packet.packet_number, None)
            if sent is not None:
                self._model.on_forgotten(sent)
                self._on_size(sent.size, False)
        self.on_loss()

    def on_persistent_congestion(self) -> None:
        self._model.on_silence()

    def on_rtt_measurement(self, *, now: float, rtt: float) -> None:
        self._model.on_rtt(rtt, now, self.there, self.here)


class TickPacer(QuicPacketPacer):
    """The model's pacing rate, in bytes; lets one tick of all calls leave at once.

    aioquic's counts packets as if all were full, and lets 16 go at once: with a frame of each
    call ready at the same instant, that delays the last ones.
    """

    def __init__(self, model: BandwidthModel, packet_bytes: int) -> None:
        super().__init__(max_datagram_size=packet_bytes)
        self._model = model
        self._tokens = 0.0
        self._at = 0.0
        self._built = 0
        """Packets being built, whose sizes are not known yet."""
        self.on_built: Callable[[], None] = _nothing
        """Called after each of them."""

    def next_send_time(self, now: float) -> float | None:  # type: ignore[override]
        rate = self._model.pacing_rate
        if not rate:
            return None
        if now > self._at:
            burst = self._model.burst
            self._tokens = min(self._tokens + (now - self._at) * rate, burst)
            self._at = now
        missing = self._built * self._model.packet_bytes - self._tokens
        return None if missing <= 0 else now + max(0.001, missing / rate)

    def update_after_send(self, now: float) -> None:
        self._built += 1
        self.on_built()

    def update_rate(self, congestion_window: int, smoothed_rtt: float) -> None:
        """The model is asked when it matters."""

    def begin(self) -> None:
        """What was built before has left. Of packets that carry acknowledgements only, nothing is
        charged, and so many of them would hold back all others."""
        self._built = 0

    def charge(self, size: int) -> None:
        self._built = 0
        self._tokens -= size


class Internals:
    """One aioquic connection, fitted with our congestion control and datagram delivery."""

    def __init__(self, quic: QuicConnection, on_fate: OnFate, on_size: OnSize) -> None:
        self._quic = quic
        size = quic.configuration.max_datagram_size
        self.model = BandwidthModel(size)
        control = self._control = ModelCongestionControl(self.model, on_size)
        self._pacer = control.pacer = TickPacer(self.model, size)
        quic._loss._cc = control
        quic._loss._pacer = self._pacer
        self._take_ack = quic._loss.on_ack_received
        quic._loss.on_ack_received = self._on_ack_received  # type: ignore[method-assign]
        quic._write_datagram_frame = self._write_datagram_frame  # type: ignore[method-assign]
        self._writer = StreamChooser(quic)
        control.on_loss = self._writer.look_at_all
        self._pacer.on_built = self._writer.order
        self.express = Express(quic, self._writer, on_fate)

    # --- datagrams ---------------------------------------------------------------------------

    @property
    def pending(self) -> deque[Datagram]:
        """Datagrams that aioquic puts into its next packets, while `express` is not usable."""
        return self._quic._datagrams_pending  # type: ignore[return-value]

    @property
    def on_the_way(self) -> list[Datagram]:
        """Sent, and neither known to have arrived nor to be lost."""
        packets = self.express.on_the_way
        return [datagram for number in sorted(packets) for datagram in packets[number]]

    def _write_datagram_frame(
        self, builder: QuicPacketBuilder, data: Datagram, frame_type: QuicFrameType
    ) -> bool:
        """As aioquic's, and the datagram hears of its packet's fate."""
        size = len(data.data)
        lengths = 1 if size < 64 else 2
        number = builder.packet_number
        buffer = builder.start_frame(
            frame_type,
            capacity=1 + lengths + size,
            handler=self.express.on_delivery,
            handler_args=(number,),
        )
        buffer.push_uint_var(size)
        buffer.push_bytes(data.data)
        self.express.on_the_way.setdefault(number, []).append(data)
        return True

    def received(self, lay: float) -> None:
        """Before a packet is taken: how long it lay in our socket, seconds."""
        self._control.here = lay

    def _on_ack_received(self, *, ack_delay: float, **ack: Any) -> None:
        self._control.there = ack_delay
        self._take_ack(ack_delay=ack_delay, **ack)

    @property
    def events_wait(self) -> bool:
        """Whether aioquic has something to tell."""
        return bool(self._quic._events)

    def begin(self) -> None:
        """Before packets are built: nothing is held back by the pacer yet."""
        self._quic._pacing_at = None
        self._pacer.begin()

    # --- the path ----------------------------------------------------------------------------

    @property
    def address(self) -> Any:
        """Where the other side is."""
        return self._quic._network_paths[0].addr

    def timer(self) -> float | None:
        """When `handle_timer` has something to do."""
        return self._quic.get_timer()

    @property
    def rtt(self) -> float:
        """Smoothed, seconds; 0 before the first measurement."""
        return self._quic._loss._rtt_smoothed

    @property
    def window_has_room(self) -> bool:
        return self.model.in_flight + self.model.packet_bytes <= self.model.window

    @property
    def confirmed(self) -> bool:
        """The handshake is over on both sides."""
        return self._quic._handshake_confirmed

    @property
    def early(self) -> bool:
        """Data may be sent before the handshake is over (0-RTT, RFC 9001 section 4.6)."""
        return self._quic._cryptos[Epoch.ZERO_RTT].send.is_valid()

    def resize(self, packet_bytes: int) -> None:
        """The size of packets from now on (RFC 8899 section 5.2)."""
        self._quic._max_datagram_size = packet_bytes
        self.model.packet_bytes = packet_bytes

    def probe(
        self, size: int, on_fate: Callable[[int, bool], None], now: float
    ) -> list[tuple[bytes, Any]]:
        """A packet of exactly `size` bytes that carries nothing but a PING, to be sent."""
        quic = self._quic
        builder = QuicPacketBuilder(
            host_cid=quic.host_cid,
            is_client=quic._is_client,
            max_datagram_size=size,
            packet_number=quic._packet_number,
            peer_cid=quic._peer_cid.cid,
            quic_logger=None,
            version=quic._version,
        )
        try:
            builder.start_packet(QuicPacketType.ONE_RTT, quic._cryptos[Epoch.ONE_RTT])
            builder.start_frame(
                QuicFrameType.PING,
                handler=lambda state: on_fate(size, state is QuicDeliveryState.ACKED),
            )
        except QuicPacketBuilderStop:
            return []
        builder._datagram_needs_padding = True
        return quic._flush_builder(
            builder=builder,
            network_path=quic._network_paths[0],
            peer_cid=quic._peer_cid.cid,
            now=now,
        )

    # --- streams -----------------------------------------------------------------------------

    def serve(self, stream_id: int) -> None:
        """A stream was written to or has received: it may have something to send."""
        self._writer.serve(stream_id)

    def rank_stream(self, stream_id: int, rank: int, after: int | None) -> None:
        """Which of the streams that have something to send goes first."""
        self._writer.rank(stream_id, rank, after)

    @property
    def stream_data_waits(self) -> bool:
        """Whether a stream has data that has not left, or was lost."""
        return any(not stream.sender.buffer_is_empty for stream in self._quic._streams_queue)

    @property
    def unacknowledged(self) -> bool:
        """Whether the other side has yet to confirm something that streams carried."""
        return any(stream.sender._buffer for stream in self._quic._streams.values())

    def allow_streams(self, count: int) -> None:
        """How many streams of each kind the other side may have open; before the handshake."""
        for limit in (self._quic._local_max_streams_bidi, self._quic._local_max_streams_uni):
            limit.value = limit.sent = count

    @property
    def held_back(self) -> int:
        """Bytes of streams that came before what belongs in front of them."""
        return sum(len(stream.receiver._buffer) for stream in self._quic._streams.values())

    def has_stream(self, stream_id: int) -> bool:
        return stream_id in self._quic._streams

    def stream_backlog(self, stream_id: int) -> int:
        """Bytes of a stream that the other side has not acknowledged."""
        stream = self._quic._streams.get(stream_id)
        return len(stream.sender._buffer) if stream is not None else 0

    def stream_end(self, stream_id: int) -> int:
        """The offset after the last byte written to a stream."""
        stream = self._quic._streams.get(stream_id)
        return stream.sender._buffer_stop if stream is not None else 0

    def allow_repeats(self, stream_id: int) -> None:
        """Make a stream bear that a range is sent twice: aioquic takes each to be acknowledged
        or lost once. To be called before the range is first sent."""
        stream = self._quic._streams.get(stream_id)
        if stream is not None and "on_data_delivery" not in vars(stream.sender):
            stream.sender.on_data_delivery = _Delivery(stream.sender)  # type: ignore[method-assign]

    def repeat(self, stream_id: int, start: int, stop: int, send: Callable[[], None]) -> None:
        """Have `send` send a range of a stream once more, unless it was acknowledged."""
        stream = self._quic._streams.get(stream_id)
        if stream is None or stream.sender._reset_error_code is not None:
            return
        sender = stream.sender
        start = max(start, sender._buffer_start)
        waiting = [r for r in sender._pending if r.start < stop and r.stop > start]
        if start >= stop or waiting or len(sender._acked):
            return
        self.serve(stream_id)
        sender._pending.add(start, stop)
        sender.buffer_is_empty = False
        if stream not in self._quic._streams_queue:
            self._quic._streams_queue.append(stream)
        send()
        # What did not leave must not stay: its first copy may be acknowledged meanwhile.
        sender._pending.subtract(start, stop)


class _Delivery:
    """A stream's delivery handler that takes only what is news."""

    def __init__(self, sender: QuicStreamSender) -> None:
        self._sender = sender
        self._handler = sender.on_data_delivery

    def __call__(self, delivery: QuicDeliveryState, start: int, stop: int, fin: bool) -> None:
        sender = self._sender
        if delivery is QuicDeliveryState.ACKED and stop > start:
            # Its other copy may have been taken for lost, and wait to be sent once more.
            sender._pending.subtract(start, stop)
        start = max(start, sender._buffer_start)
        if delivery is QuicDeliveryState.LOST:
            fin = fin and not sender._acked_fin
            if any(r.start <= start and stop <= r.stop for r in sender._acked):
                start = stop
        if stop > start or fin:
            self._handler(delivery, min(start, stop), stop, fin)
