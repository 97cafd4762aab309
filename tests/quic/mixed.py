"""One end as the model leg has it, the other aioquic untouched; in memory, on a virtual clock."""

from collections import deque
from typing import Any

from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, DatagramFrameReceived, StreamDataReceived

from bridge.quic.datagram import Datagram
from bridge.quic.internals import Internals
from bridge.wire.sockets import configuration
from tests.quic.pair import CLIENT, MADE, SERVER


class Mixed:
    """`ours` is the client or the server. Packets of ours wait in `out`, theirs in `back`."""

    def __init__(self, *, ours_is_client: bool) -> None:
        client = configuration(is_client=True, packet_bytes=1200)
        client.server_name = "localhost"
        client.cadata = MADE.pem
        server = configuration(is_client=False, packet_bytes=1200)
        server.certificate, server.private_key = MADE.certificate, MADE.key
        self.now = 0.0
        ends = [QuicConnection(configuration=client)]
        first = ends[0].original_destination_connection_id
        ends.append(QuicConnection(configuration=server, original_destination_connection_id=first))
        ends[0].connect(SERVER, now=0.0)
        addresses: list[Any] = [CLIENT, SERVER]
        if not ours_is_client:
            ends.reverse()
            addresses.reverse()
        self.ours, self.theirs = ends
        self.our_address, self.their_address = addresses
        self.fates: list[tuple[bytes, bool]] = []
        self.internals = Internals(self.ours, self._on_fate, lambda *_: None)
        self.express = self.internals.express
        self.queue: deque[Datagram] = deque()
        self.out: list[bytes] = []
        self.back: list[bytes] = []
        self.heard_by_us: list[bytes] = []
        self.heard_by_them: list[bytes] = []
        self.streams_heard: list[bytes] = []
        self.ended: list[ConnectionTerminated] = []
        self.short = self.long = 0
        """Packets that we took by the short way, and by aioquic's."""
        for _ in range(12):
            self.run(0.01)
        assert self.express.usable

    def _on_fate(self, datagrams: list[Datagram], arrived: bool) -> None:
        self.fates += [(datagram.data, arrived) for datagram in datagrams]

    def say(self, *names: bytes) -> None:
        self.queue.extend(Datagram(name) for name in names)

    def send(self) -> None:
        """As `WireProtocol.transmit` does."""
        if self.ours.get_peer_address() is None:
            return
        self.internals.begin()
        if not self.express.usable:
            self.internals.pending.extend(self.queue)
            self.queue.clear()
            self.out += [data for data, _ in self.ours.datagrams_to_send(now=self.now)]
            return
        if self.express.others_wait(self.now):
            self.out += [data for data, _ in self.ours.datagrams_to_send(now=self.now)]
        while (packet := self.express.next_packet(self.queue, self.now)) is not None:
            self.out.append(packet)

    def take(self, packet: bytes, address: Any = None) -> None:
        """A packet reaches us."""
        address = address or self.their_address
        found = self.express.receive(packet, address, self.now)
        if found is None:
            self.long += 1
            self.ours.receive_datagram(packet, address, now=self.now)
        else:
            self.short += 1
            self.heard_by_us += found
        while (event := self.ours.next_event()) is not None:
            self._on_event(event, self.heard_by_us)

    def _on_event(self, event: object, heard: list[bytes]) -> None:
        match event:
            case DatagramFrameReceived(data=data):
                heard.append(data)
            case StreamDataReceived(stream_id=stream_id, data=data):
                self.streams_heard.append(data)
                self.internals.serve(stream_id)
            case ConnectionTerminated():
                self.ended.append(event)

    def deliver(self) -> None:
        """What waits arrives, and is answered."""
        out, self.out = self.out, []
        for packet in out:
            self.theirs.receive_datagram(packet, self.our_address, now=self.now)
        while (event := self.theirs.next_event()) is not None:
            self._on_event(event, self.heard_by_them)
        if self.theirs.get_peer_address() is not None:
            self.back += [data for data, _ in self.theirs.datagrams_to_send(now=self.now)]
        back, self.back = self.back, []
        for packet in back:
            self.take(packet)

    def run(self, secs: float) -> None:
        """Time passes, timers fire, everything arrives."""
        self.now += secs
        for end in (self.ours, self.theirs):
            timer = end.get_timer()
            if timer is not None and timer <= self.now:
                end.handle_timer(now=self.now)
        self.send()
        self.deliver()
