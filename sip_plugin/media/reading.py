"""The sockets of all calls, read in one round in each phase of the clock.

A loop that wakes up for every packet costs about as much as what is done with the packet. The
kernel notes when each one came, so that waiting for the round tells nothing false of the line.
"""

import contextlib
import selectors
import socket
import struct
import time
from collections.abc import Callable

from sip_plugin.media.ports import PortPair

MAX_ROUND_PACKETS = 32
"""Of one socket in one phase: a flood on one call leaves time for the others."""
NOTE_BYTES = 64
"""Room for the kernel's note beside a packet."""
MAX_AGE_SECS = 1.0
"""A packet that seems to be older says that the wall clock was set."""

_TIMESTAMPNS = 35
"""SO_TIMESTAMPNS of Linux, on all machines but some historic ones; `socket` does not name it."""
_STAMP = struct.Struct("@ll")

OnReadable = Callable[[float, float], object]
"""Given the time, monotonic and by the wall clock: reads one datagram."""


class ReadRound:
    """Tells each socket's owner when something is in it."""

    def __init__(self) -> None:
        self._selector = selectors.EpollSelector()

    def open(self, ports: PortPair, on_rtp: OnReadable, on_rtcp: OnReadable) -> None:
        with contextlib.suppress(OSError):
            ports.rtp.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)
        self._selector.register(ports.rtp, selectors.EVENT_READ, on_rtp)
        self._selector.register(ports.rtcp, selectors.EVENT_READ, on_rtcp)

    def close(self, ports: PortPair) -> None:
        """Read it no more, if it was read until now."""
        for sock in (ports.rtp, ports.rtcp):
            with contextlib.suppress(KeyError):
                self._selector.unregister(sock)

    def fileno(self) -> int:
        """Of what is readable whenever any of the sockets is."""
        return self._selector.fileno()

    def read(self) -> float:
        """Everything that has come, within the bound. Returns the monotonic time up to which that
        is so: what is read later came later."""
        now = time.monotonic()
        for _ in range(MAX_ROUND_PACKETS):
            ready = self._selector.select(0)
            if not ready:
                break
            wall = time.time()
            now = time.monotonic()
            for key, _ in ready:
                key.data(now, wall)
            now = time.monotonic()
        return now


def age_secs(notes: list[tuple[int, int, bytes]], wall: float) -> float:
    """How long a packet lay in its socket, by the notes that `recvmsg` gave with it."""
    for _, kind, note in notes:
        if kind == _TIMESTAMPNS and len(note) == _STAMP.size:
            secs, nanos = _STAMP.unpack(note)
            age = wall - secs - nanos * 1e-9
            return age if 0.0 < age < MAX_AGE_SECS else 0.0
    return 0.0
