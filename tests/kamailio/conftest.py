"""Two plugin hosts behind an edge; a host can be killed, drained and started again."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.peers.kamailio import EdgeAccount, Kamailio, check_kamailio
from tests.peers.plugin import Gateway, Plugin, agent, ip_trunk
from tests.peers.ports import Ports
from tests.peers.process import wait_until

NUMBER = "+15551234567"
ACCOUNT = "1001"
"""Of a registration that the edge holds, where it does."""


class Host:
    """A plugin with a SIP port that it keeps when it is started again."""

    def __init__(self, ports: Ports, folder: Path, model: Gateway, edge_address: str) -> None:
        self._ports, self._folder, self._model = ports, folder, model
        self._edge_address = edge_address
        self.address = f"127.0.0.1:{ports.one()}"
        self._starts = 0
        self.plugin = self._start()

    def _start(self) -> Plugin:
        self._starts += 1
        folder = self._folder / f"start-{self._starts}"
        folder.mkdir(parents=True)
        tables = {
            "sip": {"bind": self.address},
            "trunks": {
                "edge": ip_trunk("trunk.test", sip_username=ACCOUNT, proxy=self._edge_address)
            },
            "agents": {"parrot": agent(self._model)},
            "dialplan": {"default": {"agent": "parrot"}},
            "service": {"drain_secs": 12.0},
        }
        return Plugin(self._ports, folder, tables)

    def kill(self) -> None:
        """The machine dies: nothing of the plugin says a word any more."""
        children = [child["pid"] for child in self.plugin.processes().values()]
        for pid in (self.plugin.process.pid, *children):
            os.kill(pid, signal.SIGKILL)
        self.plugin.process.wait(5)
        self.plugin.stop(well=False)

    def start_again(self) -> None:
        self.plugin = self._start()
        self.plugin.wait_ready()

    def use_model(self, model: Gateway) -> None:
        """Start again, with another model server."""
        self.plugin.stop()
        self._model = model
        self.start_again()

    def limit_to(self, calls: int) -> None:
        """From now on it takes so many calls at a time."""
        file = self.plugin.config_file
        text = file.read_text().replace(
            "[trunks.edge]\n", f"[trunks.edge]\nchannel_limit = {calls}\n"
        )
        file.write_text(text)
        status, told = self.plugin.ask("POST", "/v1/reload")
        assert status == 200, told

    @property
    def answered(self) -> int:
        """Calls that it has carried to their end since it was started."""
        return len(self.plugin.calls(state="completed"))


@pytest.fixture
def edge_address(ports: Ports) -> str:
    """Where the edge will be: hosts are told before it runs."""
    return f"127.0.0.1:{ports.one()}"


@pytest.fixture
def edge_with(edge_address: str, tmp_path: Path) -> Iterator[Callable[..., Kamailio]]:
    check_kamailio()
    with ExitStack() as running:

        def start(hosts: list[str], accounts: tuple[EdgeAccount, ...] = ()) -> Kamailio:
            folder = tmp_path / "edge"
            folder.mkdir()
            edge = Kamailio(edge_address, folder, hosts, accounts)
            running.callback(edge.stop)
            return edge

        yield start


@pytest.fixture
def hosts(
    ports: Ports, tmp_path: Path, model: Gateway, edge_address: str
) -> Iterator[tuple[Host, Host]]:
    check_kamailio()
    pair = tuple(Host(ports, tmp_path / f"host-{n}", model, edge_address) for n in (1, 2))
    try:
        for host in pair:
            host.plugin.wait_ready()
        yield pair
    finally:
        for host in pair:
            host.plugin.stop()


@pytest.fixture
def edge(edge_with, hosts: tuple[Host, Host]) -> Kamailio:
    """In front of both hosts, which are in rotation."""
    running = edge_with([host.address for host in hosts])
    for host in hosts:
        running.wait_host(host.address, active=True)
    return running


def wait_quiet(*hosts: Host) -> None:
    """Until no call runs on any of them."""
    wait_until(lambda: not any(host.plugin.running_calls() for host in hosts), "calls to end", 15)
