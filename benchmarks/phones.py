"""Many RTP phones in one process: G.711 out on an absolute clock, arrivals noted."""

import asyncio
import heapq
import random
import socket
import struct
import time
from collections.abc import Callable

FRAME_SECS = 0.020
_HEADER = struct.Struct("!BBHII")
_PAYLOAD = slice(12, 172)

OnPacket = Callable[[bytes, float], None]
"""Given the payload and the time of its arrival."""
NextPayload = Callable[[int, float], bytes]
"""Given the number of the packet and its time of departure: 160 bytes of mu-law."""


class Phone:
    """One leg. `next_payload` fills each packet; `on_packet` sees what arrives."""

    def __init__(self, next_payload: NextPayload, on_packet: OnPacket) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self.remote_port = 0
        self.late_packets = 0
        self.begins_at = 0.0
        self._next_payload = next_payload
        self._on_packet = on_packet
        self._ssrc = random.getrandbits(32)
        self._sequence = random.getrandbits(16)
        self._sent = 0
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._read)

    def send(self, now: float) -> None:
        payload = self._next_payload(self._sent, now)
        header = _HEADER.pack(
            0x80,
            0x80 if self._sent == 0 else 0,
            (self._sequence + self._sent) & 0xFFFF,
            (self._sent * 160) & 0xFFFFFFFF,
            self._ssrc,
        )
        self._socket.sendto(header + payload, ("127.0.0.1", self.remote_port))
        self._sent += 1

    def _read(self) -> None:
        while True:
            try:
                packet = self._socket.recv(2048)
            except BlockingIOError:
                return
            if len(packet) == 172:
                self._on_packet(packet[_PAYLOAD], time.monotonic())

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()


async def talk(phones: list[Phone], secs: float, rng: random.Random) -> None:
    """Let all phones send for `secs`, each in a phase of its own, on one absolute clock."""
    begin = time.monotonic() + FRAME_SECS
    slots = [(begin + rng.random() * FRAME_SECS, i) for i in range(len(phones))]
    heapq.heapify(slots)
    while slots:
        at, i = heapq.heappop(slots)
        delay = at - time.monotonic()
        if delay > 0:
            await asyncio.sleep(delay)
        elif delay < -FRAME_SECS:
            phones[i].late_packets += 1
        phones[i].send(time.monotonic())
        if at + FRAME_SECS < begin + secs:
            heapq.heappush(slots, (at + FRAME_SECS, i))
