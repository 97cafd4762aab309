"""Free ports that no other test run on this machine takes.

A test run holds whole blocks of ports by a file lock each, which the kernel drops when the
run ends, however it ends. Within a block every port was seen to be free for UDP and TCP.
"""

import fcntl
import random
import socket
import tempfile
from pathlib import Path
from typing import IO

BLOCK_PORTS = 100
_BLOCKS = range(12_000, 32_000, BLOCK_PORTS)
"""Below the ephemeral range of Linux (32768 and up), so that no client socket lands in it."""


class Ports:
    """Hands out ports on 127.0.0.1; each is given once a test run."""

    def __init__(self) -> None:
        self._locks: list[IO[bytes]] = []
        self._single: list[int] = []

    def one(self) -> int:
        """A port free for UDP and TCP."""
        while True:
            if not self._single:
                self._single = list(self.block())
            port = self._single.pop(0)
            if _is_free(port):
                return port

    def pair(self) -> int:
        """An even port whose next one is free too: RTP and RTCP."""
        port = self.one()
        while port % 2 or not self._single or self._single[0] != port + 1:
            port = self.one()
        self.one()
        return port

    def block(self, count: int = 1) -> range:
        """A hundred ports, or `count` hundreds in a row; the first one is even."""
        for first in random.sample(_BLOCKS, len(_BLOCKS)):
            ports = range(first, first + count * BLOCK_PORTS)
            if ports.stop > _BLOCKS.stop or not all(map(self._lock, ports[::BLOCK_PORTS])):
                continue
            if all(_is_free(port) for port in ports):
                return ports
        raise RuntimeError(f"no {count} blocks of 100 free ports between 12000 and 32000")

    def _lock(self, first: int) -> bool:
        folder = Path(tempfile.gettempdir()) / "sip-plugin-test-ports"
        folder.mkdir(exist_ok=True)
        lock = (folder / str(first)).open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._locks.append(lock)
        return True


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
