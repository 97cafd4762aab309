"""The short way through QUIC for audio: packets of datagrams and acknowledgements, nothing else.

Nearly all packets of a connection are of this kind. aioquic builds and takes a packet of any kind
in some 100 µs of Python; these two functions do for this one kind what it does (RFC 9000 sections
13, 17.3; RFC 9001 section 5), on its keys, packet numbers, acknowledgements and loss detection, so
that it may take the next packet as well. Whatever is out of the ordinary is left to it: another
kind of packet or frame, another path, keys that change, an error.
"""

from collections import deque
from collections.abc import Callable

from aioquic._crypto import CryptoError
from aioquic.buffer import Buffer
from aioquic.quic.connection import QuicConnection, QuicConnectionState
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet import QuicPacketType, decode_packet_number, push_ack_frame
from aioquic.quic.packet_builder import QuicDeliveryState, QuicSentPacket
from aioquic.quic.recovery import MAX_ACK_RANGES, QuicPacketSpace
from aioquic.quic.stream import QuicStreamSender
from aioquic.tls import Epoch

from bridge.quic.datagram import Datagram
from bridge.quic.payload import ACK, HEADS, PING, parse
from bridge.quic.streams import StreamChooser

OnFate = Callable[[list[Datagram], bool], None]
"""Called with a packet's datagrams and whether it arrived."""

TAG = 16
"""Bytes of authentication after a payload, with every cipher of QUIC version 1."""
NUMBER = 2
"""Bytes of a packet number that is sent."""
MOST_NUMBER, SAMPLED = 4, 20
"""Bytes from the packet number on: what protects the header is made of those between these two
(RFC 9001 section 5.4.2)."""
NEW_KEYS_AFTER = 1 << 22
"""Packets; RFC 9001 section 6.6 allows AES-GCM twice as many with a key."""
STAY_EVERY = 0.1
"""Seconds in which the end of an idle connection, 10 s away, is moved on once."""
NOTHING: list[bytes] = []


class Express:
    """Sends and receives on a connection whose handshake is over."""

    def __init__(self, quic: QuicConnection, chooser: StreamChooser, on_fate: OnFate) -> None:
        self._quic = quic
        self._chooser = chooser
        self._on_fate = on_fate
        self.on_the_way: dict[int, list[Datagram]] = {}
        """By packet: neither known to have arrived nor to be lost."""
        self._new_keys_at = NEW_KEYS_AFTER
        self._stays_until = 0.0
        """Until then the time of idling is not looked at again."""
        self._space: QuicPacketSpace | None = None
        """Of 1-RTT packets; None until the handshake is over. From then on this, and what is read
        with it, stays the same object."""
        self._keys = CryptoPair()
        self._early_keys = self._keys.recv
        self._crypto: QuicStreamSender | None = None

    @property
    def usable(self) -> bool:
        """Whether datagrams may be sent this way now."""
        quic = self._quic
        if self._space is None:
            if not quic._handshake_confirmed:
                return False
            self._space = quic._spaces[Epoch.ONE_RTT]
            self._keys = quic._cryptos[Epoch.ONE_RTT]
            self._early_keys = quic._cryptos[Epoch.ZERO_RTT].recv
            self._crypto = quic._crypto_streams[Epoch.ONE_RTT].sender
        return (
            quic._state is QuicConnectionState.CONNECTED
            and not quic._close_pending
            and not self._keys._update_key_requested
            and quic._network_paths[0].is_validated
            and quic._quic_logger is None
        )

    def others_wait(self, now: float) -> bool:
        """Whether aioquic may have something to send besides datagrams and acknowledgements."""
        quic, crypto = self._quic, self._crypto
        return bool(
            self._chooser.wants(now)
            or quic._ping_pending
            or quic._probe_pending
            or quic._handshake_done_pending
            or quic._retire_connection_ids
            or quic._streams_blocked_pending
            or (crypto is not None and not crypto.buffer_is_empty)
            or any(not cid.was_sent for cid in quic._host_cids)
            or any(not p.is_validated or p.remote_challenges for p in quic._network_paths)
        )

    # --- sending -----------------------------------------------------------------------------

    def next_packet(self, waiting: deque[Datagram], now: float) -> bytes | None:
        """A packet with as many of the datagrams as fit, and the acknowledgement that is due; None
        when there is nothing to send, or window or pacer do not let it go. Only while `usable`."""
        quic, space = self._quic, self._space
        assert space is not None
        loss = quic._loss
        ack_due = space.ack_at is not None and space.ack_at <= now
        paced = False
        if waiting:
            quic._pacing_at = loss._pacer.next_send_time(now=now)
            paced = quic._pacing_at is not None
        if not ack_due and (paced or not waiting):
            return None
        number, cid = quic._packet_number, quic._peer_cid.cid
        overhead = 1 + len(cid) + NUMBER + TAG
        room = quic._max_datagram_size - overhead
        allowed = loss.congestion_window - loss.bytes_in_flight - overhead
        parts: list[bytes] = []
        handlers = []
        eliciting = False
        if ack_due:
            frame, ranges = self._acknowledge(room, now)
            parts.append(frame)
            handlers.append((quic._on_ack_delivery, (space, space.largest_received_packet)))
            room -= len(frame)
            allowed -= len(frame)
            if ranges > 1 and number % 8 == 0 and allowed > 0:
                # Its acknowledgement ends the repetition of what was acknowledged.
                parts.append(bytes((PING,)))
                eliciting = True
                room -= 1
                allowed -= 1
        room = min(room, allowed)
        carried: list[Datagram] = []
        while waiting and not paced:
            data = waiting[0].data
            head = HEADS[len(data)]
            room -= len(head) + len(data)
            if room < 0:
                break
            parts += (head, data)
            carried.append(waiting.popleft())
        if not parts:
            return None
        if carried:
            eliciting = True
            self.on_the_way[number] = carried
            handlers.append((self.on_delivery, (number,)))
        return self._seal(b"".join(parts), number, cid, eliciting, handlers, now)

    def _acknowledge(self, room: int, now: float) -> tuple[bytes, int]:
        """An ACK frame of everything that has come, and how many ranges it has."""
        quic, space = self._quic, self._space
        assert space is not None and space.largest_received_time is not None
        delay = int((now - space.largest_received_time) * 1_000_000)
        buffer = Buffer(room)
        buffer.push_uint_var(ACK)
        ranges = push_ack_frame(
            buffer, space.ack_queue, delay >> quic._local_ack_delay_exponent, room - 1
        )
        space.ack_at = None
        return buffer.data, ranges

    def _seal(
        self, plain: bytes, number: int, cid: bytes, eliciting: bool, handlers: list, now: float
    ) -> bytes:
        """Encrypt a payload, and take the packet for sent."""
        quic, keys = self._quic, self._keys.send
        assert self._space is not None and keys.aead is not None and keys.hp is not None
        # These keys' phase: the rest of a burst leaves with them after new ones were asked for.
        first = 0x40 | quic._spin_bit << 5 | keys.key_phase << 2 | (NUMBER - 1)
        short = number & 0xFFFF
        header = bytes((first,)) + cid + short.to_bytes(NUMBER, "big")
        sealed = keys.aead.encrypt(plain, header, number)
        mask = keys.hp._mask(sealed[MOST_NUMBER - NUMBER : SAMPLED - NUMBER])
        short ^= mask[1] << 8 | mask[2]
        header = bytes((first ^ mask[0] & 0x1F,)) + cid + short.to_bytes(NUMBER, "big")
        data = header + sealed
        quic._packet_number = number + 1
        packet = QuicSentPacket(
            epoch=Epoch.ONE_RTT,
            in_flight=eliciting,
            is_ack_eliciting=eliciting,
            is_crypto_packet=False,
            packet_number=number,
            packet_type=QuicPacketType.ONE_RTT,
            sent_time=now,
            sent_bytes=len(data),
            delivery_handlers=handlers,
        )
        quic._loss.on_packet_sent(packet=packet, space=self._space)
        if eliciting and not quic._ack_eliciting_sent_since_receipt:
            self._stay(now)
            quic._ack_eliciting_sent_since_receipt = True
        quic._network_paths[0].bytes_sent += len(data)
        if number >= self._new_keys_at:
            self._new_keys_at = number + NEW_KEYS_AFTER
            quic.request_key_update()
        return data

    def _stay(self, now: float) -> None:
        """The connection is not idle."""
        if now >= self._stays_until:
            self._stays_until = now + STAY_EVERY
            self._quic._close_at = now + self._quic._idle_timeout()

    def on_delivery(self, state: QuicDeliveryState, number: int) -> None:
        """The fate of a packet with datagrams."""
        carried = self.on_the_way.pop(number, None)
        if carried is not None:
            self._on_fate(carried, state is QuicDeliveryState.ACKED)

    # --- receiving ---------------------------------------------------------------------------

    def receive(self, data: bytes, address: object, now: float) -> list[bytes] | None:
        """The datagrams in a packet; None when it is not of this kind, and nothing was done."""
        quic = self._quic
        cid = quic.host_cid
        at = 1 + len(cid)
        if (
            len(data) < at + SAMPLED
            or data[0] & 0xC0 != 0x40
            or not data.startswith(cid, 1)
            or not self.usable
            or quic._network_paths[0].addr != address
            or self._early_keys.aead is not None
        ):
            return None
        keys, space = self._keys.recv, self._space
        assert keys.hp is not None and keys.aead is not None and space is not None
        mask = keys.hp._mask(data[at + MOST_NUMBER : at + SAMPLED])
        first = data[0] ^ mask[0] & 0x1F
        size = (first & 3) + 1
        short = int.from_bytes(data[at : at + size], "big")
        short ^= int.from_bytes(mask[1 : 1 + size], "big")
        header = bytes((first,)) + cid + short.to_bytes(size, "big")
        if first >> 2 & 1 != keys.key_phase or first & 0x18:
            return None
        expected = space.expected_packet_number
        number = decode_packet_number(short, 8 * size, expected)
        try:
            plain = keys.aead.decrypt(data[len(header) :], header, number)
        except CryptoError:
            return NOTHING
        if number in space.received_packets:
            return NOTHING
        payload = parse(plain, quic.configuration.max_datagram_frame_size or 0)
        if payload is None:
            return None
        if number > expected:
            space.expected_packet_number = number + 1
        if number > quic._spin_highest_pn:
            quic._spin_bit = bool(first & 0x20) != quic._is_client
            quic._spin_highest_pn = number
        if payload.ack is not None:
            self._on_ack(*payload.ack, now)
        self._stay(now)
        quic._ack_eliciting_sent_since_receipt = False
        if number > space.largest_received_packet:
            space.largest_received_packet = number
            space.largest_received_time = now
        space.ack_queue.add(number)
        space.received_packets.add(number)
        if len(space.ack_queue) > MAX_ACK_RANGES:
            space.ack_queue.shift()
        if payload.is_ack_eliciting and space.ack_at is None:
            space.ack_at = now + quic._ack_delay
        return payload.datagrams

    def _on_ack(self, ranges: object, delay: int, now: float) -> None:
        quic = self._quic
        quic._loss.peer_completed_address_validation = True
        quic._loss.on_ack_received(
            ack_rangeset=ranges,
            ack_delay=(delay << quic._remote_ack_delay_exponent) / 1_000_000,
            now=now,
            space=self._space,
        )
