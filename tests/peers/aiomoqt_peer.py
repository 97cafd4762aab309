"""aiomoqt: a MoQT implementation that we did not write, in a Python of its own."""

import json
import os
import signal
import socket
import subprocess
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from bridge.gateway.certificate import self_signed
from tests.peers.absent import absent
from tests.peers.ports import Ports
from tests.peers.process import Process

SCRIPTS = Path(__file__).parent / "aiomoqt"


def folder() -> Path:
    peers = os.environ.get("SIP_PLUGIN_PEERS") or Path.home() / ".cache/sip-plugin-peers"
    return Path(peers) / "aiomoqt"


def check_aiomoqt() -> Path:
    """The Python that has it. Ends the test when there is none."""
    python = folder() / "bin/python"
    if not (folder() / ".complete").exists():
        absent("aiomoqt", f"{python} is not there", "run scripts/install-peers aiomoqt")
    return python


def vectors() -> dict[str, str]:
    """Bytes that it writes, in hex, by name."""
    made = subprocess.run(
        [check_aiomoqt(), SCRIPTS / "vectors.py"], check=True, capture_output=True, timeout=60
    )
    return json.loads(made.stdout)


class Relay:
    """Its relay on raw QUIC, draft 18; `stop` when done with it."""

    def __init__(
        self, ports: Ports, folder: Path, *, like: "Relay | None" = None, go_to: str = ""
    ) -> None:
        """`like` another one: with its certificate. `go_to` is what its GOAWAY says."""
        self._python = check_aiomoqt()
        self._folder = folder
        self._go_to = go_to
        self.port = ports.one()
        if like is not None:
            self.ca_file, self._key = like.ca_file, like._key
            self.start()
            return
        self.ca_file = folder / "relay.pem"
        made = self_signed("127.0.0.1")
        self.ca_file.write_bytes(made.pem)
        self._key = folder / "relay.key"
        self._key.write_bytes(
            made.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        self.start()

    def start(self) -> None:
        """Also again, once it was killed: on the same port, with the same certificate."""
        self.process = Process(
            "relay",
            [
                *(self._python, SCRIPTS / "relay.py", self._go_to, "10000", "--bind", "127.0.0.1"),
                *("--port", str(self.port), "--cert", self.ca_file, "--key", self._key),
                *("--quic", "--draft", "18"),
            ],
            self._folder,
        )
        try:
            self.process.wait_until(self._listens, "its port to be taken", 20)
        except BaseException:
            self.process.stop()
            raise

    def _listens(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("0.0.0.0", self.port))
            except OSError:
                return True
        return False

    @property
    def endpoint(self) -> str:
        return f"moqt://127.0.0.1:{self.port}/"

    def go_away(self) -> None:
        """It says GOAWAY to all of its sessions, and goes on."""
        self.process.signal(signal.SIGUSR2)
        self.process.wait_until(
            lambda: "said goaway" in self.process.output() or None, "its GOAWAY", 5
        )

    def kill(self) -> None:
        """It says nothing to anybody any more."""
        self.process.signal(signal.SIGKILL)
        self.process.wait(5)

    def stop(self) -> None:
        self.process.stop()


def subscriber(folder: Path, endpoint: str, namespace: str, track: str) -> Process:
    """Its subscriber: says for each object `object GROUP OBJECT HEX-OF-PROPERTY-6 SIZE`."""
    command = [check_aiomoqt(), SCRIPTS / "subscriber.py", endpoint, namespace, track]
    return Process("subscriber", command, folder)


def publisher(folder: Path, endpoint: str, namespace: str, track: str, *options: str) -> Process:
    """Its publisher: sends the frames of a file of PCM16, 20 ms each, 50 to a group."""
    command = [check_aiomoqt(), SCRIPTS / "publisher.py", endpoint, namespace, track, *options]
    return Process("publisher", command, folder)
