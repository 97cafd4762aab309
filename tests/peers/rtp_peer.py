"""A phone's media, without its signalling: says PCM as G.711 RTP, and keeps what it hears.

An ear of our own, so that tests can tell what was heard and when. The companding is the
standard library's, not the project's.
"""

import random
import socket
import struct
import threading
import time
import warnings

import numpy as np

from tests.peers.ports import Ports
from tests.peers.process import wait_until
from tests.peers.waves import RATE_HZ

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

EVENTS = 101
"""Payload type of RFC 4733, as every scenario offers it."""
PAYLOAD_TYPES = {"g711_ulaw": 0, "g711_alaw": 8}
_HEADER = struct.Struct("!BBHII")


class RtpPeer:
    """One end of one call's media on `address`. Its clock, in samples, starts with `send_to`."""

    def __init__(
        self, ports: Ports, codec: str = "g711_ulaw", address: str = "127.0.0.1", ptime_ms: int = 20
    ) -> None:
        self.port = ports.pair()
        self.payload_type = PAYLOAD_TYPES[codec]
        self._encode = audioop.lin2ulaw if codec == "g711_ulaw" else audioop.lin2alaw
        self._decode = audioop.ulaw2lin if codec == "g711_ulaw" else audioop.alaw2lin
        self._socket = socket.socket(
            socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM
        )
        self._socket.bind((address, self.port))
        self._socket.settimeout(0.2)
        self._left: list[socket.socket] = []
        """Old ones: what comes there is not heard."""
        self._remote: tuple[str, int] | None = None
        self._started_at: float | None = None
        self._lock = threading.Lock()
        self._to_say = np.zeros(0, np.int16)
        self._said_samples = 0
        self._muted = False
        self._packet = ptime_ms * RATE_HZ // 1000
        self._received: list[tuple[float, int, int, bytes]] = []
        self._events: list[int] = []
        self._closed = threading.Event()
        self._threads = [
            threading.Thread(target=target, daemon=True) for target in (self._hear, self._speak)
        ]
        for thread in self._threads:
            thread.start()

    def send_to(self, port: int, address: str = "127.0.0.1") -> None:
        """Start sending, silence until something is to be said; or go on to another address."""
        self._remote = (address, port)
        if self._started_at is None:
            self._started_at = time.monotonic()

    def say(self, pcm: np.ndarray) -> None:
        """Say int16 samples at 8 kHz after what is still to be said."""
        with self._lock:
            self._to_say = np.concatenate((self._to_say, pcm))

    def wait_said(self, timeout_secs: float = 20.0) -> int:
        """Until all of it has left; the clock then, in samples."""
        wait_until(lambda: not len(self._to_say), "the RTP peer to have spoken", timeout_secs)
        return self._said_samples

    def rebind(self, port: int) -> None:
        """Send from another port, and listen there, as through a NAT that forgot the way."""
        new = socket.socket(self._socket.family, socket.SOCK_DGRAM)
        new.bind((self._socket.getsockname()[0], port))
        new.settimeout(0.2)
        old, self._socket = self._socket, new
        self._left.append(old)

    def mute(self, muted: bool = True) -> None:
        """Send no packet at all, while its clock goes on."""
        self._muted = muted

    @property
    def formats(self) -> str:
        """What its SDP offers, in the words of an m= line."""
        return f"{self.payload_type} 101"

    @property
    def packet_lengths(self) -> set[int]:
        """Milliseconds in the packets that came in."""
        return {len(payload) * 1000 // RATE_HZ for _, _, _, payload in self._received}

    @property
    def packets(self) -> int:
        """How many audio packets came in."""
        return len(self._received)

    def event_codes(self) -> list[int]:
        """The key of each event packet that came: 0 to 9, 10 for *, 11 for #."""
        return list(self._events)

    def wait_silence(self, secs: float = 0.5, timeout_secs: float = 4.0) -> None:
        """Until no audio packet has come in for `secs`."""
        wait_until(
            lambda: time.monotonic() - self._received[-1][0] > secs,
            "the far side to stop sending",
            timeout_secs,
        )

    def heard(self) -> np.ndarray:
        """What came in, on this peer's clock: silence where nothing was sent."""
        assert self._started_at is not None, "send_to comes first"
        received = list(self._received)
        if not received:
            return np.zeros(0, np.int16)
        placed: list[tuple[int, np.ndarray]] = []
        stream = first_timestamp = offset = 0
        for index, (at, ssrc, timestamp, payload) in enumerate(received):
            if index == 0 or ssrc != stream:
                stream, first_timestamp = ssrc, timestamp
                offset = max(0, round((at - self._started_at) * RATE_HZ))
            # Positions come from the timestamps, so that the network's jitter is not heard.
            ahead = (timestamp - first_timestamp + 2**31) % 2**32 - 2**31
            if -RATE_HZ <= ahead < 3600 * RATE_HZ:
                pcm = np.frombuffer(self._decode(payload, 2), np.int16)
                placed.append((max(0, offset + ahead), pcm))
        line = np.zeros(max(start + len(pcm) for start, pcm in placed), np.int16)
        for start, pcm in placed:
            line[start : start + len(pcm)] = pcm
        return line

    def close(self) -> None:
        self._closed.set()
        for thread in self._threads:
            thread.join()
        for sock in (self._socket, *self._left):
            sock.close()

    def _hear(self) -> None:
        while not self._closed.is_set():
            try:
                packet = self._socket.recv(2048)
            except TimeoutError:
                continue
            if len(packet) < _HEADER.size or packet[0] >> 6 != 2:
                continue
            _, kind, _, timestamp, ssrc = _HEADER.unpack_from(packet)
            if kind & 0x7F == self.payload_type:
                payload = packet[_HEADER.size :]
                self._received.append((time.monotonic(), ssrc, timestamp, payload))
            elif kind & 0x7F == EVENTS and len(packet) >= _HEADER.size + 4:
                self._events.append(packet[_HEADER.size])

    def _speak(self) -> None:
        ssrc, sequence, timestamp = (random.getrandbits(bits) for bits in (32, 16, 32))
        marker = 0x80
        while not self._closed.is_set():
            if self._started_at is None or self._remote is None:
                time.sleep(0.002)
                continue
            due = self._started_at + self._said_samples / RATE_HZ
            if (ahead := due - time.monotonic()) > 0:
                time.sleep(ahead)
            with self._lock:
                pcm, self._to_say = self._to_say[: self._packet], self._to_say[self._packet :]
            frame = np.zeros(self._packet, np.int16)
            frame[: len(pcm)] = pcm
            header = _HEADER.pack(0x80, marker | self.payload_type, sequence, timestamp, ssrc)
            if not self._muted:
                self._socket.sendto(header + self._encode(frame.tobytes(), 2), self._remote)
                sequence = (sequence + 1) % 2**16
                marker = 0
            timestamp = (timestamp + self._packet) % 2**32
            self._said_samples += self._packet
