"""How long a packet lay in its socket until the process came to it, by the kernel's note.

A process that is short of CPU is late for packets, and for acknowledgements of its own. Who does
not know of that takes it for a queue on the path.
"""

import asyncio
import fcntl
import struct
import time

_GSTAMPNS = 0x8907
"""SIOCGSTAMPNS of Linux: when the packet came that was read last, by the wall clock. Event loops
hand out packets without the notes that recvmsg gives (SO_TIMESTAMPNS)."""
_STAMP = struct.Struct("@ll")
_ROOM = bytes(_STAMP.size)
MAX_AGE_SECS = 1.0
"""A packet that seems to be older says that the wall clock was set."""
LATE_SECS = 0.002
"""One that lay for less tells that no other lies for long: the note costs 2 µs to read."""


class SocketAge:
    """Of the packets of one socket, each asked for before the next is read."""

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        sock = transport.get_extra_info("socket")
        self._fd = sock.fileno() if sock is not None else -1
        self._late = True

    def secs(self, *, first: bool) -> float:
        """Age of the packet that was read last; 0 where nothing is known of it. `first`: since the
        process has had nothing to do."""
        if self._fd < 0 or not (first or self._late):
            return 0.0
        try:
            secs, nanos = _STAMP.unpack(fcntl.ioctl(self._fd, _GSTAMPNS, _ROOM))
        except OSError:  # the first is not noted yet
            return 0.0
        age = time.time() - secs - nanos * 1e-9
        if not 0.0 < age < MAX_AGE_SECS:
            return 0.0
        self._late = age >= LATE_SECS
        return age
