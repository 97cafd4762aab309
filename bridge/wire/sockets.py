"""QUIC's settings and sockets, as both ends of the model leg want them."""

import asyncio
import contextlib
import ipaddress
import socket
from typing import Any

from aioquic.quic.configuration import QuicConfiguration

from bridge.wire.limits import ALPN, MAX_DATAGRAM_FRAME, QUIC_IDLE
from bridge.wire.stats import TransportStats

PACKET_BYTES = 1200
"""A UDP payload that every path carries (RFC 9000 section 14)."""
LOOPBACK_PACKET_BYTES = 8192
"""A path that never leaves the machine carries 64 KiB; this bundles a dozen frames."""
SOCKET_BUFFER = 4 * 1024 * 1024
NO_FRAGMENTS = {
    # Linux: IP_MTU_DISCOVER, IPV6_MTU_DISCOVER and what they call "probe": don't fragment, and
    # don't believe a path MTU that anybody can tell us in an ICMP message.
    socket.AF_INET: ((socket.IPPROTO_IP, 10, 3),),
    socket.AF_INET6: ((socket.IPPROTO_IPV6, 23, 3),),
}


def configuration(*, is_client: bool, packet_bytes: int) -> QuicConfiguration:
    """What both sides set alike; certificates are the caller's part."""
    return QuicConfiguration(
        alpn_protocols=[ALPN],
        is_client=is_client,
        idle_timeout=QUIC_IDLE,
        max_datagram_frame_size=MAX_DATAGRAM_FRAME,
        max_datagram_size=packet_bytes,
        max_stream_data=64 * 1024,
    )


def packet_bytes_to(address: str) -> int:
    """The packet size to send to an IP address without probing the path."""
    loopback = ipaddress.ip_address(address.partition("%")[0]).is_loopback
    return LOOPBACK_PACKET_BYTES if loopback else PACKET_BYTES


def bind_sizes(sock: socket.socket) -> None:
    """Room for bursts, and packets that are never fragmented (RFC 8899 section 3)."""
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER)
    for level, option, value in NO_FRAGMENTS.get(sock.family, ()):
        with contextlib.suppress(OSError):
            sock.setsockopt(level, option, value)


class CountingSend:
    """The socket as aioquic's protocol wants it; on a connected one, without an address."""

    def __init__(
        self, transport: asyncio.DatagramTransport, connected: bool, stats: TransportStats
    ) -> None:
        self._transport = transport
        self._connected = connected
        self._stats = stats

    def sendto(self, data: bytes, address: Any) -> None:
        if self._transport.is_closing():
            return
        self._stats.packets_sent += 1
        self._transport.sendto(data, None if self._connected else address)

    def send_all(self, packets: list[bytes], address: Any) -> None:
        """One at once after the other: who receives them wakes once for all."""
        if self._transport.is_closing():
            return
        self._stats.packets_sent += len(packets)
        sendto, to = self._transport.sendto, None if self._connected else address
        for packet in packets:
            sendto(packet, to)

    def close(self) -> None:
        self._transport.close()
