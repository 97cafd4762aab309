"""A call's two sockets, and what stands between them and the network: SRTP."""

import logging
import socket
from collections.abc import Callable, Iterator

from sip_plugin.media.description import SrtpKeys
from sip_plugin.media.ports import PortPair
from sip_plugin.media.source import Address
from sip_plugin.media.srtp import Srtp, SrtpError, SrtpStats

MAX_PACKETS_PER_READ = 32
"""Of one socket in one go: a flood on one call leaves time for the others."""
MAX_DATAGRAM = 2048

log = logging.getLogger(__name__)

Datagram = tuple[bytes, Address]


class SecuredPorts:
    """Reads and sends plain packets, whatever is on the wire."""

    def __init__(self, sid: str, ports: PortPair) -> None:
        self._sid = sid
        self._ports = ports
        self._srtp = Srtp()
        self.send_errors = 0

    @property
    def srtp_stats(self) -> SrtpStats:
        return self._srtp.stats

    def use_keys(self, keys: SrtpKeys | None, now: float) -> None:
        """As the SDP says, each time that it was negotiated."""
        self._srtp.update(keys, now)

    def drain(self) -> None:
        """Forget what came before anybody was to send."""
        self._ports.drain()

    def rtp(self, now: Callable[[], float]) -> Iterator[Datagram]:
        """What lies in the RTP socket, and where each came from."""
        return self._read(self._ports.rtp, self._srtp.unprotect, now)

    def rtcp(self, now: Callable[[], float]) -> Iterator[Datagram]:
        return self._read(self._ports.rtcp, self._srtp.unprotect_rtcp, now)

    def _read(
        self,
        sock: socket.socket,
        unprotect: Callable[[bytes, float], bytes | None],
        now: Callable[[], float],
    ) -> Iterator[Datagram]:
        for _ in range(MAX_PACKETS_PER_READ):
            try:
                packet, source = sock.recvfrom(MAX_DATAGRAM)
            except (BlockingIOError, ConnectionError):
                return
            plain = unprotect(packet, now())
            if plain is not None:
                yield plain, source

    def send_rtp(self, packet: Datagram) -> None:
        self._send(self._ports.rtp, self._srtp.protect, packet)

    def send_rtcp(self, packet: Datagram) -> None:
        self._send(self._ports.rtcp, self._srtp.protect_rtcp, packet)

    def _send(
        self, sock: socket.socket, protect: Callable[[bytes], bytes], packet: Datagram
    ) -> None:
        plain, destination = packet
        try:
            sock.sendto(protect(plain), destination)
        except (OSError, SrtpError) as error:
            if self.send_errors == 0:
                log.warning("call %s: sending to %s: %s", self._sid, destination, error)
            self.send_errors += 1
