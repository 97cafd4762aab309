"""A SIP process of its own for each test that asks for one, on a free port."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bridge.secret import REVEAL
from sip_plugin.config import Config
from sip_plugin.planes.messages import WorkerState
from tests.peers.ports import Ports
from tests.peers.process import TETHERED
from tests.sip.phone import Phone
from tests.sip.plane import Client, FakeWorker, Supervisor

START_SECS = 60.0
"""Far more than it takes on any machine."""


@pytest.fixture(scope="session")
def sip_ports() -> Ports:
    return Ports()


STOP_SECS = 30.0
"""It waits for answers to its BYE and REGISTER, but not for long."""


class SipServer:
    """`python -m sip_plugin.sip`, its clients and its phones."""

    def __init__(self, config: dict, folder: Path, port: int) -> None:
        self.port = port
        self.folder = folder
        self.log_path = folder / "sip.log"
        self._clients: list[Client | Phone] = []
        document = Config.model_validate(config).model_dump_json(context=REVEAL)
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(*TETHERED, str(os.getpid()), sys.executable, "-m", "sip_plugin.sip"),
                    *("--run-dir", str(folder), "--name", "sip"),
                ],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        assert self.process.stdin is not None
        self.process.stdin.write(document.encode())
        self.process.stdin.close()
        deadline = time.monotonic() + START_SECS
        while "SIP on" not in self.log:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"the SIP process did not start:\n{self.log}")
            time.sleep(0.02)

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    @property
    def socket_path(self) -> str:
        return str(self.folder / "plane.sock")

    def worker(self, **options) -> FakeWorker:
        """A worker whose leases have arrived."""
        client = FakeWorker(self.socket_path, **options)
        self._clients.append(client)
        watcher = Supervisor(self.socket_path, "watcher")
        watcher.wait_until(
            WorkerState, lambda state: state.name == client.name and state.leases > 0
        )
        watcher.close()
        return client

    def supervisor(self) -> Supervisor:
        client = Supervisor(self.socket_path, "supervisor")
        self._clients.append(client)
        return client

    def phone(self, **options) -> Phone:
        phone = Phone(("127.0.0.1", self.port), **options)
        self._clients.append(phone)
        return phone

    @property
    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stop(self) -> int:
        for client in self._clients:
            client.close()
        self._clients.clear()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the SIP process did not stop:\n{self.log}") from None


def configuration(port: int, **changes) -> dict:
    """One IP trunk for loopback, one agent for every number; `changes` replaces tables."""
    return {
        "sip": {"bind": f"127.0.0.1:{port}"},
        "trunks": {
            "main": {
                "domain": "127.0.0.1:9",
                "require_registration": False,
                "allow_from": ["127.0.0.1"],
            }
        },
        "agents": {"parrot": {"endpoint": "quic://127.0.0.1:4433"}},
        "dialplan": {"default": {"agent": "parrot"}, "outbound": {"allow": ["_+."]}},
        **changes,
    }


@pytest.fixture
def start_sip(tmp_path: Path, sip_ports: Ports) -> Iterator[Callable[..., SipServer]]:
    """Starts a SIP process; keyword arguments replace tables of its configuration."""
    servers: list[SipServer] = []

    def start(**changes) -> SipServer:
        port = sip_ports.one()
        sip = {"bind": f"127.0.0.1:{port}", **changes.pop("sip", {})}
        folder = tmp_path / f"run-{port}"
        folder.mkdir(mode=0o700)
        server = SipServer(configuration(port, sip=sip, **changes), folder, port)
        servers.append(server)
        return server

    yield start
    ends = [(server, server.process.poll() is not None, server.stop()) for server in servers]
    for server, crashed, code in ends:
        assert code == 0, f"exit code {code}, crashed {crashed}:\n{server.log[-4000:]}"
        assert "Traceback" not in server.log, server.log[-4000:]


@pytest.fixture
def far() -> Iterator[Phone]:
    """Who is called, beyond the trunk."""
    phone = Phone()
    yield phone
    phone.close()


@pytest.fixture
def sip(start_sip: Callable[..., SipServer]) -> SipServer:
    return start_sip()
