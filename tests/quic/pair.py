"""Two aioquic connections in memory, on a virtual clock."""

from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import DatagramFrameReceived, StreamDataReceived

from bridge.gateway.certificate import self_signed
from bridge.quic.internals import Internals
from bridge.wire.sockets import configuration

MADE = self_signed("localhost")
CLIENT, SERVER = ("192.0.2.1", 1), ("192.0.2.2", 2)


class Pair:
    """Packets wait in `on_the_way` (to the server) and `back` until they are delivered."""

    def __init__(self) -> None:
        client = configuration(is_client=True, packet_bytes=1200)
        client.server_name = "localhost"
        client.cadata = MADE.pem
        server = configuration(is_client=False, packet_bytes=1200)
        server.certificate, server.private_key = MADE.certificate, MADE.key
        self.now = 0.0
        self.client = QuicConnection(configuration=client)
        self.server = QuicConnection(
            configuration=server,
            original_destination_connection_id=self.client.original_destination_connection_id,
        )
        self.fates: list[tuple[bytes, bool]] = []
        self.internals = Internals(
            self.client,
            lambda ds, arrived: self.fates.extend((d.data, arrived) for d in ds),
            lambda *_: None,
        )
        self.heard = bytearray()
        self.ended = False
        self.datagrams: list[bytes] = []
        self.on_the_way: list[bytes] = []
        self.back: list[bytes] = []
        self.client.connect(SERVER, now=self.now)
        for _ in range(10):
            self.pass_time(0.01)
        assert self.internals.confirmed

    def send(self) -> None:
        self.on_the_way += [data for data, _ in self.client.datagrams_to_send(now=self.now)]

    def deliver(self, packet: bytes) -> None:
        self.server.receive_datagram(packet, CLIENT, now=self.now)
        while (event := self.server.next_event()) is not None:
            match event:
                case StreamDataReceived(data=data, end_stream=ended):
                    self.heard += data
                    self.ended |= ended
                case DatagramFrameReceived(data=data):
                    self.datagrams.append(data)
        self.back += [data for data, _ in self.server.datagrams_to_send(now=self.now)]

    def deliver_all(self) -> None:
        packets, self.on_the_way = self.on_the_way, []
        for packet in packets:
            self.deliver(packet)

    def answer(self) -> None:
        """What the server sent reaches the client."""
        packets, self.back = self.back, []
        for packet in packets:
            self.client.receive_datagram(packet, SERVER, now=self.now)
        while self.client.next_event() is not None:
            pass

    def acknowledge(self) -> None:
        """The server says what it has, before any timer of the client's."""
        self.now += 0.002
        self.server.handle_timer(now=self.now)
        self.back += [data for data, _ in self.server.datagrams_to_send(now=self.now)]
        self.answer()

    def pass_time(self, secs: float) -> None:
        """Everything arrives, and timers fire."""
        self.now += secs
        for end in (self.client, self.server):
            timer = end.get_timer()
            if timer is not None and timer <= self.now:
                end.handle_timer(now=self.now)
        self.send()
        self.deliver_all()
        self.back += [data for data, _ in self.server.datagrams_to_send(now=self.now)]
        self.answer()
