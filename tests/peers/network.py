"""A public network, a private one, and a router between them that masquerades: Linux namespaces.

What is started within `inside("public")` or `inside("private")` lives in that network, and sees
nothing of this machine's own.
"""

import contextlib
import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.peers.absent import absent

PUBLIC = "203.0.113.10"
"""A host of the public network (RFC 5737)."""
ROUTER = "203.0.113.1"
"""What the public network sees of the private one."""
PRIVATE = "192.168.77.2"
_INNER = "192.168.77.1"
_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


def check_network() -> None:
    """Ends the test when there can be no namespaces here."""
    for program, package in (("ip", "iproute2"), ("nft", "nftables")):
        if not shutil.which(program):
            absent("network namespaces", f"no program {program}", f"apt-get install {package}")
    if os.geteuid() != 0:
        absent("network namespaces", "they need root", "run the tests as root")
    probe = f"sip-plugin-probe-{os.getpid()}"
    done = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True)
    if done.returncode != 0:
        absent("network namespaces", done.stderr.strip(), "run the tests in a virtual machine")
    _ip("netns", "del", probe)


class NatNetwork:
    """`close` when done with it. Ports behind the router are others in public (like most NATs)."""

    def __init__(self, forwarded: range | None = None) -> None:
        """`forwarded` UDP ports of the router are those of the private host."""
        self._prefix = f"spt{os.getpid()}"
        try:
            self._build(forwarded)
        except BaseException:
            self.close()
            raise

    def _build(self, forwarded: range | None) -> None:
        for name in ("public", "router", "private"):
            _ip("netns", "add", self._name(name))
            self._in(name, "link", "set", "lo", "up")
        self._cable("public", "up0", "router", "out0")
        self._cable("private", "up0", "router", "in0")
        for name, device, address in (
            ("public", "up0", PUBLIC),
            ("router", "out0", ROUTER),
            ("router", "in0", _INNER),
            ("private", "up0", PRIVATE),
        ):
            self._in(name, "address", "add", f"{address}/24", "dev", device)
            self._in(name, "link", "set", device, "up")
        self._in("private", "route", "add", "default", "via", _INNER)
        # A neighbour that does not exist: packets for private addresses vanish, as in the world.
        self._in("public", "route", "add", "default", "via", "203.0.113.254")
        with self.inside("router"):
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        rules = "table ip nat {\n"
        if forwarded is not None:
            ports = f"{forwarded.start}-{forwarded.stop - 1}"
            rules += (
                "chain pre { type nat hook prerouting priority -100;\n"
                f"iif out0 udp dport {ports} dnat to {PRIVATE}\n"
                f"iif out0 tcp dport {ports} dnat to {PRIVATE}\n}}\n"
            )
        how = "masquerade" if forwarded is not None else "masquerade random"
        rules += f"chain post {{ type nat hook postrouting priority 100;\noif out0 {how}\n}}\n}}\n"
        subprocess.run(
            ["ip", "netns", "exec", self._name("router"), "nft", "-f", "-"],
            input=rules,
            text=True,
            check=True,
            capture_output=True,
        )

    def _name(self, name: str) -> str:
        return f"{self._prefix}-{name}"

    def _cable(self, one: str, device: str, other: str, end: str) -> None:
        peer = ("peer", "name", end, "netns", self._name(other))
        self._in(one, "link", "add", device, "type", "veth", *peer)

    def _in(self, name: str, *words: str) -> None:
        _ip("-n", self._name(name), *words)

    @contextlib.contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """This thread, and what it starts or opens, is in that network."""
        with (
            open("/proc/thread-self/ns/net") as before,
            open(f"/run/netns/{self._name(name)}") as wanted,
        ):
            _enter(wanted.fileno())
            try:
                yield
            finally:
                _enter(before.fileno())

    def close(self) -> None:
        for name in ("private", "router", "public"):
            subprocess.run(["ip", "netns", "del", self._name(name)], capture_output=True)


def _enter(descriptor: int) -> None:
    if _LIBC.setns(descriptor, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")
