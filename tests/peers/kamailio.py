"""Kamailio as the edge, with the configuration of docker/kamailio as it is."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.peers.absent import absent
from tests.peers.process import PeerError, Process, wait_until

CONFIGURATION = Path(__file__).parents[2] / "docker" / "kamailio"


def check_kamailio() -> None:
    """Ends the test when Kamailio cannot be run here."""
    for program in ("kamailio", "kamcmd"):
        if not shutil.which(program):
            absent("Kamailio", f"no program {program}", "apt-get install kamailio")


@dataclass(frozen=True)
class EdgeAccount:
    """A registration that the edge holds with a registrar (HOST:PORT)."""

    registrar: str
    realm: str
    user: str
    password: str
    number: str
    """What calls for it are addressed to at the plugin."""

    @property
    def row(self) -> str:
        """Its row of the table uacreg, whose colons want a backslash."""
        host = self.registrar.replace(":", "\\:")
        fields = [
            *("1", self.user, self.number, "edge.invalid", self.user, self.realm, self.realm),
            *(self.user, self.password, "", f"sip\\:{host}", "60", "0", "0", "", ""),
        ]
        return ":".join(fields)


class Kamailio:
    """One running edge; `stop` when done with it.

    It is at `address`, `hosts` are the plugins' addresses, all HOST:PORT. Calls are taken from
    127.0.0.1 alone.
    """

    def __init__(
        self,
        address: str,
        folder: Path,
        hosts: Sequence[str],
        accounts: Sequence[EdgeAccount] = (),
    ) -> None:
        self.address = address
        lines = [f"1 sip:{host}" for host in hosts] + ["2 sip:127.0.0.1:9 4"]
        (folder / "dispatcher.list").write_text("\n".join(lines) + "\n")
        shutil.copytree(CONFIGURATION / "db", folder / "db")
        with (folder / "db" / "uacreg").open("a") as table:
            table.writelines(account.row + "\n" for account in accounts)
        # Unix sockets want short paths, and kamcmd a name of the file system.
        self._control = f"unix:/tmp/sip-plugin-edge-{self.address.rpartition(':')[2]}"
        values = {
            "LISTEN": f"udp:{self.address}",
            "CONTACT": f'"{self.address}"',
            "DISPATCHER_LIST": f'"{folder}/dispatcher.list"',
            "REGISTRATIONS": f'"text://{folder}/db"',
            "CONTROL": f'"{self._control}"',
        }
        defines = [word for name, value in values.items() for word in ("-A", f"{name}={value}")]
        self.process = Process(
            "kamailio",
            [
                *("kamailio", "-DD", "-E", "-m", "64", "-M", "8", "-w", folder, "-Y", folder),
                *("-f", CONFIGURATION / "kamailio.cfg", *defines),
            ],
            folder,
        )
        try:
            self.process.wait_until(self.hosts, "its control socket", 15)
        except BaseException:
            self.stop()
            raise

    def hosts(self) -> dict[str, str]:
        """The hosts, HOST:PORT, with their flags: A active, I inactive, T trying; P probed."""
        done = subprocess.run(
            ["kamcmd", "-s", self._control, "dispatcher.list"],
            capture_output=True,
            text=True,
            timeout=10,
        )
        found = re.findall(r"URI: sip:(\S+)\s+FLAGS: (\w+)", done.stdout)
        return {host: flags for host, flags in found if flags != "DX"}

    def wait_host(self, host: str, active: bool, timeout_secs: float = 15.0) -> None:
        """Until a host is in rotation, or out of it."""
        wait_until(
            lambda: (self.hosts().get(host, "")[:1] == "A") == active,
            f"{host} to be {'in' if active else 'out of'} rotation",
            timeout_secs,
        )

    def failovers(self) -> list[str]:
        """Where calls went on to, one entry each."""
        return re.findall(r"goes on to sip:(\S+)", self.process.output())

    def left_out(self) -> list[str]:
        """Hosts that were out of rotation for a while, one entry each time."""
        return re.findall(r"sip:(\S+) is out of rotation", self.process.output())

    def stop(self) -> None:
        """Raises PeerError when it died, or took a configuration line for a fault."""
        died = not self.process.running
        self.process.stop()
        Path(self._control.removeprefix("unix:")).unlink(missing_ok=True)
        if died:
            raise PeerError(f"kamailio ended early; its last lines:\n{self.process.tail()}")
