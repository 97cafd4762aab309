"""A wide area network between two network namespaces: TUN devices, and a program that delays and
drops what passes between them. Real sockets and the kernel's own TCP on both sides. Needs root.

`Path` in the benchmark starts this module as a process and tells it what the path is like, a line
at a time: `{"rtt": 0.05, "loss": 0.01, "burst": 1, "rate": 0, "queue": 0.1}`.
"""

import ctypes
import fcntl
import json
import os
import random
import select
import struct
import subprocess
import sys
import time
from collections import deque
from typing import Any

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
CLONE_NEWNET = 0x40000000
ADDRESSES = ("10.99.0.1", "10.99.0.2")
MTU = 1500


class _Direction:
    def __init__(self, out: int, seed: int) -> None:
        self.out = out
        self.waiting: deque[tuple[float, bytes]] = deque()
        self.free_at = 0.0
        self.bad = False
        self.rng = random.Random(seed)

    def lost(self, share: float, burst: float) -> bool:
        """Random, or in bursts of `burst` packets on average (Gilbert)."""
        if burst <= 1:
            return self.rng.random() < share
        enter = share / (1 - share) / burst
        self.bad = self.rng.random() >= 1 / burst if self.bad else self.rng.random() < enter
        return self.bad


def _enter(namespace: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    if libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
    os.close(fd)


def _tun(namespace: str) -> int:
    _enter(namespace)
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"wan0", IFF_TUN | IFF_NO_PI))
    return fd


def serve(namespaces: tuple[str, str]) -> None:
    fds = [_tun(name) for name in namespaces]
    ways = {fds[0]: _Direction(fds[1], 1), fds[1]: _Direction(fds[0], 2)}
    like: dict[str, Any] = {"rtt": 0.05, "loss": 0.0, "burst": 1, "rate": 0, "queue": 0.1}
    poll = select.epoll()
    for fd in (*fds, sys.stdin.fileno()):
        poll.register(fd, select.EPOLLIN)
    print("ready", flush=True)
    while True:
        due = min((way.waiting[0][0] for way in ways.values() if way.waiting), default=None)
        wait = -1.0 if due is None else max(0.0, due - time.monotonic())
        for fd, _ in poll.poll(wait):
            if fd in ways:
                _take(fd, ways[fd], like)
            else:
                line = sys.stdin.readline()
                if not line:
                    return
                like |= json.loads(line)
        now = time.monotonic()
        for way in ways.values():
            while way.waiting and way.waiting[0][0] <= now:
                try:
                    os.write(way.out, way.waiting.popleft()[1])
                except BlockingIOError:
                    break


def _take(fd: int, way: _Direction, like: dict[str, Any]) -> None:
    while True:
        try:
            packet = os.read(fd, 2048)
        except BlockingIOError:
            return
        if way.lost(like["loss"], like["burst"]):
            continue
        now = time.monotonic()
        if like["rate"]:
            waits = max(0.0, way.free_at - now)
            if waits > like["queue"]:
                continue
            now += waits + len(packet) / like["rate"]
            way.free_at = now
        way.waiting.append((now + like["rtt"] / 2, packet))


class Path:
    """Two namespaces with a path between them: `with Path() as path`."""

    def __init__(self) -> None:
        self.namespaces = (f"wan-a-{os.getpid()}", f"wan-b-{os.getpid()}")
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Path":
        for name in self.namespaces:
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "tuntap", "add", "dev", "wan0", "mode", "tun")
        here, there = self.namespaces
        for name, mine, other in ((here, *ADDRESSES), (there, *reversed(ADDRESSES))):
            _ip("-n", name, "addr", "add", mine, "peer", other, "dev", "wan0")
            _ip("-n", name, "link", "set", "wan0", "mtu", str(MTU), "txqueuelen", "10000", "up")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.wan_path", *self.namespaces],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.nice(-10),
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait(5)
        for name in self.namespaces:
            subprocess.run(["ip", "netns", "del", name], check=False)

    def be(self, **like: float) -> None:
        """Change what the path is like: rtt in seconds, loss as a share, burst in packets, rate in
        bytes per second (0: no limit), queue in seconds."""
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(json.dumps(like) + "\n")
        self._process.stdin.flush()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


if __name__ == "__main__":
    serve((sys.argv[1], sys.argv[2]))
