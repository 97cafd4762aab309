"""RTP ports: bound pairs of UDP sockets (an even port for RTP, the next one for RTCP)."""

import contextlib
import errno
import random
import socket
from dataclasses import dataclass

EXPEDITED = 46 << 2
"""DSCP EF in the traffic class octet: voice (RFC 3246)."""
_MAX_DRAINED = 1000


class PortsExhausted(OSError):
    """No pair could be bound; the text says why and which key to change."""


@dataclass(frozen=True, slots=True)
class PortPair:
    rtp: socket.socket
    rtcp: socket.socket
    port: int
    """Of RTP; RTCP has the next one."""

    def drain(self) -> None:
        """Throw away what came before anybody listened."""
        for sock in (self.rtp, self.rtcp):
            with contextlib.suppress(BlockingIOError, ConnectionError):
                for _ in range(_MAX_DRAINED):
                    sock.recv(1)

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


class PortPool:
    """Binds pairs within `start` to `end` (inclusive), each call on the next pair.

    It begins at a random pair and goes round, so that neither a new call nor a restarted
    process soon meets the stream of an old one. Several processes may share a range: what one
    has bound, the others step over.
    """

    def __init__(self, address: str, start: int, end: int, rng: random.Random | None = None):
        self._address = address
        self._start = start + start % 2
        self._pairs = max(0, (end + 1 - self._start) // 2)
        self._end = end
        self._next = (rng or random.SystemRandom()).randrange(self._pairs) if self._pairs else 0
        self._leased: set[int] = set()

    def lease(self) -> PortPair:
        """A bound, non-blocking pair. Raises PortsExhausted when there is none."""
        for _ in range(self._pairs):
            port = self._start + 2 * self._next
            self._next = (self._next + 1) % self._pairs
            if port in self._leased:
                continue
            pair = self._bind(port)
            if pair is not None:
                self._leased.add(port)
                return pair
        raise PortsExhausted(
            f"no free pair of RTP ports in {self._start} to {self._end} on {self._address} "
            f"({len(self._leased)} of {self._pairs} pairs are ours, the rest is taken by other "
            "processes): widen media.rtp_start_port to media.rtp_end_port"
        )

    def release(self, pair: PortPair) -> None:
        """Close a leased pair; its port is used again once all others were."""
        pair.close()
        self._leased.discard(pair.port)

    def _bind(self, port: int) -> PortPair | None:
        rtp = self._socket(port)
        if rtp is None:
            return None
        try:
            rtcp = self._socket(port + 1)
        except OSError:
            rtp.close()
            raise
        if rtcp is None:
            rtp.close()
            return None
        return PortPair(rtp, rtcp, port)

    def _socket(self, port: int) -> socket.socket | None:
        family = socket.AF_INET6 if ":" in self._address else socket.AF_INET
        try:
            sock = socket.socket(family, socket.SOCK_DGRAM)
        except OSError as error:
            raise PortsExhausted(
                f"cannot open a socket for RTP port {port}: {error.strerror}; a call needs two "
                "file descriptors, raise the limit (ulimit -n) or lower media.leases_per_worker"
            ) from error
        try:
            sock.setblocking(False)
            sock.bind((self._address, port))
        except OSError as error:
            sock.close()
            if error.errno == errno.EADDRINUSE:
                return None
            raise PortsExhausted(
                f"cannot bind RTP port {port} on {self._address}: {error.strerror}; "
                "see media.bind_address and media.rtp_start_port"
            ) from error
        with contextlib.suppress(OSError):  # not everywhere allowed, and audio flows without
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, EXPEDITED)
            else:
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, EXPEDITED)
        return sock
