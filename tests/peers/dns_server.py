"""dnsmasq as the name server of one test, on an address of 127/8 of its own."""

import os
import random
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.peers.absent import absent
from tests.peers.process import Process


def check_dns_server() -> None:
    """Ends the test when dnsmasq cannot be run here."""
    if not shutil.which("dnsmasq"):
        absent("dnsmasq", "no such program", "apt-get install dnsmasq-base")
    if os.geteuid() != 0:
        absent("dnsmasq", "port 53 needs root", "run the tests as root")


class DnsServer:
    """Knows `hosts` and `services`, and says of all other names that there are none."""

    def __init__(
        self,
        folder: Path,
        hosts: Mapping[str, str],
        services: Sequence[tuple[str, str, int, int, int]] = (),
        naptr: Sequence[tuple[str, int, int, str, str]] = (),
    ) -> None:
        """`hosts`: address by name; `services`: name, target, port, priority, weight; `naptr`:
        name, order, preference, service, replacement (of SRV records)."""
        folder.mkdir(parents=True, exist_ok=True)
        self.address = f"127.53.{random.randrange(1, 255)}.{random.randrange(1, 255)}"
        self.queries = folder / "queries.log"
        self.process = Process(
            "dnsmasq",
            [
                *("dnsmasq", "-k", "-C", "/dev/null", "--no-resolv", "--no-hosts", "--no-poll"),
                *("--bind-interfaces", f"--listen-address={self.address}", "--user=root"),
                *("--local=/test/", "--log-queries", f"--log-facility={self.queries}"),
                *(f"--host-record={name},{address}" for name, address in hosts.items()),
                *(f"--srv-host={','.join(map(str, service))}" for service in services),
                *(
                    f"--naptr-record={name},{order},{preference},s,{service},,{replacement}"
                    for name, order, preference, service, replacement in naptr
                ),
            ],
            folder,
        )
        self.process.wait_until(lambda: self._log, "its start")

    @property
    def _log(self) -> str:
        return self.queries.read_text() if self.queries.exists() else ""

    def asked(self, name: str, kind: str) -> bool:
        return f"query[{kind}] {name} " in self._log

    def stop(self) -> None:
        self.process.stop()
