"""Kamailio as a provider: registrar with digest, TCP and TLS, and proxy of calls."""

import re
import shutil
import subprocess
from pathlib import Path

from tests.peers.absent import absent
from tests.peers.certificates import Certificate
from tests.peers.ports import Ports
from tests.peers.process import Process, wait_until

CONFIGURATION = Path(__file__).parent / "kamailio" / "registrar.cfg"
PASSWORD = "s3cret"


def check_kamailio() -> None:
    """Ends the test when Kamailio cannot be run here."""
    for program in ("kamailio", "kamcmd"):
        if not shutil.which(program):
            absent("Kamailio", f"no program {program}", "apt-get install kamailio")


class KamailioRegistrar:
    """Takes the password of `PASSWORD` for every user; calls for `phone` go to `phone`."""

    def __init__(
        self,
        ports: Ports,
        folder: Path,
        *,
        algorithm: str = "MD5",
        nonce_secs: int = 300,
        min_expires: int = 5,
        max_expires: int = 3600,
        certificate: Certificate | None = None,
        phone: str = "127.0.0.1:9",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port, self.tls_port = ports.one(), ports.one()
        # Unix sockets want short paths.
        self._control = f"unix:/tmp/sip-plugin-registrar-{self.port}"
        values = {
            "LISTEN_UDP": f"udp:{self.address}",
            "LISTEN_TCP": f"tcp:{self.address}",
            "CONTROL": f'"{self._control}"',
            "ALGORITHM": f'"{algorithm}"',
            "NONCE_SECS": str(nonce_secs),
            "MIN_EXPIRES": str(min_expires),
            "MAX_EXPIRES": str(max_expires),
            "PHONE": f'"{phone}"',
        }
        if certificate is not None:
            values["LISTEN_TLS"] = f"tls:127.0.0.1:{self.tls_port}"
            values["TLS_CERTIFICATE"] = f'"{certificate.cert_file}"'
            values["TLS_KEY"] = f'"{certificate.key_file}"'
        defines = [word for name, value in values.items() for word in ("-A", f"{name}={value}")]
        self.process = Process(
            "kamailio-registrar",
            [
                *("kamailio", "-DD", "-E", "-m", "64", "-M", "8", "-w", folder, "-Y", folder),
                *("-f", CONFIGURATION, *defines),
            ],
            folder,
        )
        try:
            self.process.wait_until(lambda: self._ask("core.uptime"), "its control socket")
        except BaseException:
            self.stop()
            raise

    @property
    def address(self) -> str:
        """HOST:PORT of UDP and TCP."""
        return f"127.0.0.1:{self.port}"

    def contacts(self, user: str) -> list[str]:
        """The addresses that registered for a user."""
        return re.findall(r"Address: (\S+)", self._of(user))

    def expires(self, user: str) -> int:
        """Seconds that are left of a user's registration; 0 without one."""
        match = re.search(r"Expires: ([0-9]+)", self._of(user))
        return int(match[1]) if match else 0

    def _of(self, user: str) -> str:
        """What it tells of a user's registration."""
        for part in self._ask("ul.dump").split("AoR: ")[1:]:
            if part.split()[0].partition("@")[0] == user:
                return part
        return ""

    def wait_registered(self, user: str, timeout_secs: float = 10.0) -> list[str]:
        return wait_until(
            lambda: self.contacts(user), f"a registration of {user} at Kamailio", timeout_secs
        )

    def stop(self) -> None:
        self.process.stop()
        Path(self._control.removeprefix("unix:")).unlink(missing_ok=True)

    def _ask(self, *words: str) -> str:
        done = subprocess.run(
            ["kamcmd", "-s", self._control, *words],
            capture_output=True,
            text=True,
            timeout=10,
            stdin=subprocess.DEVNULL,
        )
        return done.stdout if done.returncode == 0 else ""
