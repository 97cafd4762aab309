"""The audio half of a phone: an RTP socket, an absolute 20 ms clock, and a record of all of it."""

import asyncio
import random
import socket
import struct
import time
from collections.abc import Callable

import numpy as np

from bridge.audio import g711
from bridge.audio.frames import FRAME_MS, PHONE_RATE_HZ
from bridge.audio.level import dbfs
from sip_plugin.demo.echo import EchoPath
from sip_plugin.demo.measure import CallRecord
from sip_plugin.demo.playout import PhonePlayout
from sip_plugin.media.description import MediaDescription
from sip_plugin.media.session import RtpSession

Talk = Callable[[np.ndarray], np.ndarray]
"""Takes int16[160] heard, gives int16[160] to say: once each 20 ms."""

MAX_DATAGRAM = 2048
MAX_PACKETS_A_READ = 64
MAX_SECS = 600
"""A phone that nobody hangs up keeps no more than this of its call."""
_FRAME_SECS = FRAME_MS / 1000
_RTP = struct.Struct("!BBHII")


def bind_ports(address: str) -> tuple[socket.socket, socket.socket]:
    """An even RTP port and the odd one above it for RTCP. Raises OSError when none is found."""
    for _ in range(200):
        port = random.randrange(20_000, 60_000, 2)
        pair = (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        )
        try:
            for offset, sock in enumerate(pair):
                sock.setblocking(False)
                sock.bind((address, port + offset))
        except OSError:
            for sock in pair:
                sock.close()
            continue
        return pair
    raise OSError(f"no pair of free UDP ports on {address}")


class Handset:
    """One call's audio. `begin` once the SDP is negotiated, `close` at the end."""

    def __init__(
        self, talk: Talk, address: str = "127.0.0.1", echo: EchoPath | None = None
    ) -> None:
        """`echo`: what its line returns of the agent's voice; none on a clean line."""
        self._talk = talk
        self._echo = echo
        self._rtp, self._rtcp = bind_ports(address)
        self.address, self.port = self._rtp.getsockname()
        self.session: RtpSession | None = None
        self.began_unix = 0.0
        """Unix time of the first frame: 0 on the sample clock."""
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._origin = 0.0
        self._playout = PhonePlayout()
        self._sent: list[np.ndarray] = []
        self._heard: list[np.ndarray] = []
        self._sent_at: list[float] = []
        self._packet_at: list[float] = []
        self._packet_dbfs: list[float] = []

    def begin(self, media: MediaDescription) -> None:
        """Send and listen from now on; later calls change the stream (hold, moved address)."""
        now = time.monotonic()
        if self.session is not None:
            self.session.update(media, now)
            return
        self._media = media
        self.session = RtpSession(media, now)
        self._loop.add_reader(self._rtp.fileno(), self._on_rtp)
        self._loop.add_reader(self._rtcp.fileno(), self._on_rtcp)
        self._origin = now
        self.began_unix = time.time()
        self._tick()

    def _tick(self) -> None:
        """Send the frame that is due, and the ones that a stall has left behind."""
        assert self.session is not None
        if len(self._sent) * _FRAME_SECS >= MAX_SECS:
            return
        while True:
            now = time.monotonic()
            if self._origin + len(self._sent) * _FRAME_SECS > now:
                break
            self._frame(now)
        if report := self.session.rtcp(now):
            self._send(self._rtcp, report)
        due = self._origin + len(self._sent) * _FRAME_SECS
        self._timer = self._loop.call_later(max(due - time.monotonic(), 0.0), self._tick)

    def _frame(self, now: float) -> None:
        assert self.session is not None
        self._on_rtp()
        heard = self._playout.pull()
        said = self._talk(heard)
        if self._echo is not None:
            returned = said + self._echo.push(heard)
            said = np.clip(np.rint(returned), -32768, 32767).astype(np.int16)
        payload = g711.encode(self._media.codec.value, said)
        packet = self.session.send(payload, now, marker=not self._sent)
        if packet is not None:
            self._send(self._rtp, packet)
        self._sent_at.append(time.monotonic())
        self._sent.append(said)
        self._heard.append(heard)

    def _on_rtp(self) -> None:
        assert self.session is not None
        for _ in range(MAX_PACKETS_A_READ):
            try:
                packet, source = self._rtp.recvfrom(MAX_DATAGRAM)
            except (BlockingIOError, ConnectionError):
                return
            now = time.monotonic()
            self.session.receive(packet, source, now)
            self._play(packet, now)

    def _play(self, packet: bytes, now: float) -> None:
        """The voice in a packet, read apart from the session: RFC 3550 section 5.1."""
        if len(packet) <= _RTP.size:
            return
        flags, kind, _, timestamp, source = _RTP.unpack_from(packet)
        if flags & 0xF0 != 0x80 or kind & 0x7F != self._media.rx_payload_type:
            return
        pcm = g711.decode(self._media.codec.value, packet[_RTP.size + 4 * (flags & 0x0F) :])
        self._playout.push(source, timestamp, pcm, int((now - self._origin) * PHONE_RATE_HZ))
        if len(pcm) and len(self._packet_at) * _FRAME_SECS < MAX_SECS:
            self._packet_at.append(now)
            self._packet_dbfs.append(dbfs(pcm))

    def _on_rtcp(self) -> None:
        assert self.session is not None
        for _ in range(MAX_PACKETS_A_READ):
            try:
                packet, source = self._rtcp.recvfrom(MAX_DATAGRAM)
            except (BlockingIOError, ConnectionError):
                return
            self.session.receive_rtcp(packet, source, time.monotonic())

    def _send(self, sock: socket.socket, packet: tuple[bytes, tuple[str, int]]) -> None:
        try:
            sock.sendto(*packet)
        except OSError:
            # The far side has closed its port; SIP tells why.
            return

    def close(self) -> None:
        """Stop; the record stays."""
        if self._timer is not None:
            self._timer.cancel()
        if self._rtp.fileno() >= 0:
            for sock in (self._rtp, self._rtcp):
                self._loop.remove_reader(sock.fileno())
                sock.close()

    def record(self) -> CallRecord:
        def joined(frames: list[np.ndarray]) -> np.ndarray:
            return np.concatenate(frames) if frames else np.zeros(0, np.int16)

        return CallRecord(
            sent=joined(self._sent),
            heard=joined(self._heard),
            sent_at=np.array(self._sent_at),
            packet_at=np.array(self._packet_at),
            packet_dbfs=np.array(self._packet_dbfs, np.float32),
        )
