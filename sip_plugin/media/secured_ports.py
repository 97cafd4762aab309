"""A call's two sockets, and what stands between them and the network: SRTP."""

import logging
import socket
from collections.abc import Callable

from sip_plugin.media.description import SrtpKeys
from sip_plugin.media.ports import PortPair
from sip_plugin.media.reading import NOTE_BYTES, age_secs
from sip_plugin.media.source import Address
from sip_plugin.media.srtp import Srtp, SrtpError, SrtpStats

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

    def rtp(self, now: float, wall: float) -> tuple[bytes, Address, float] | None:
        """The next packet of the RTP socket, where it came from and when; None when there is none
        or it is not to be trusted. `now` and `wall` are the present, by both clocks."""
        try:
            packet, notes, _, source = self._ports.rtp.recvmsg(MAX_DATAGRAM, NOTE_BYTES)
        except (BlockingIOError, ConnectionError):
            return None
        came = now - age_secs(notes, wall)
        plain = self._srtp.unprotect(packet, came)
        return None if plain is None else (plain, source[:2], came)

    def rtcp(self, now: float) -> Datagram | None:
        """The next packet of the RTCP socket, and where it came from."""
        try:
            packet, source = self._ports.rtcp.recvfrom(MAX_DATAGRAM)
        except (BlockingIOError, ConnectionError):
            return None
        plain = self._srtp.unprotect_rtcp(packet, now)
        return None if plain is None else (plain, source[:2])

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
