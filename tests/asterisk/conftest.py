"""An Asterisk of its own with docker/asterisk in it, and the plugin with its configuration."""

import json
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers.asterisk import Asterisk, check_asterisk
from tests.peers.plugin import Plugin
from tests.peers.ports import Ports
from tests.peers.process import Process, wait_until

CONFIGURATION = Path(__file__).parents[2] / "docker" / "asterisk"

OWN_PHONES = """
[from-ua](+)
include => to-agents
; an attendant that has greeted, and hands the caller on
exten => live,1,Answer()
 same => n,Set(CHANNEL(accountcode)=acme)
 same => n,Set(__ORIGINAL_NUMBER=+15550009999)
 same => n,Goto(to-agents,600,1)
[from-agents](+)
exten => _talk-.,1,Goto(from-ua,${EXTEN},1)
"""
"""The lines of a user's own extensions.conf."""


class Agents:
    """The gateway of tests/asterisk/agents.py."""

    def __init__(self, ports: Ports, folder: Path, target: str) -> None:
        self.port = ports.one()
        self.ca_file = folder / "ca.pem"
        self._notes = folder / "notes"
        self.process = Process(
            "agents",
            [
                *(sys.executable, "-m", "tests.asterisk.agents"),
                *(str(self.port), self.ca_file, self._notes, target),
            ],
            folder,
            {"PYTHONPATH": str(Path(__file__).parents[2])},
        )
        self.process.wait_for("listening", 30)

    def told(self) -> dict[str, str]:
        """What the agent was told of the newest call."""
        lines = self.process.wait_until(
            lambda: self._notes.exists() and self._notes.read_text().splitlines(), "a call"
        )
        return json.loads(lines[-1])


@pytest.fixture(scope="module")
def pbx(
    ports: Ports, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Asterisk]]:
    """Asterisk with the files of docker/asterisk, the plugin being at the address given."""
    check_asterisk()
    running = Asterisk(ports, tmp_path_factory.mktemp("pbx"))

    def set_up(plugin_address: str) -> Asterisk:
        endpoints = (CONFIGURATION / "pjsip_sip_plugin.conf").read_text()
        endpoints = endpoints.replace("sip:sip-plugin:5060", f"sip:{plugin_address}")
        endpoints = endpoints.replace("match=sip-plugin", "match=127.0.0.1")
        extensions = (CONFIGURATION / "extensions_sip_plugin.conf").read_text()
        running.add_configuration("pjsip.conf", "pjsip_sip_plugin.conf", endpoints)
        running.add_configuration(
            "extensions.conf", "extensions_sip_plugin.conf", extensions + OWN_PHONES
        )
        return running

    yield set_up
    running.stop()


@pytest.fixture
def set_up(
    pbx: Callable[[str], Asterisk],
    plugin: Callable[..., Plugin],
    ports: Ports,
    tmp_path: Path,
) -> Iterator[Callable[..., tuple[Asterisk, Plugin, Agents]]]:
    """Both ends as docs/asterisk.md has them, with addresses of this machine; registered."""
    started: list[Agents] = []

    def start(transfer_to: str = "") -> tuple[Asterisk, Plugin, Agents]:
        agents = Agents(ports, tmp_path, transfer_to)
        started.append(agents)
        tables: dict[str, Any] = tomllib.loads((CONFIGURATION / "sip-plugin.toml").read_text())
        address = f"127.0.0.1:{ports.one()}"
        asterisk = pbx(address)
        del tables["service"]
        tables["sip"]["bind"] = address
        for trunk in tables["trunks"].values():
            trunk["domain"] = asterisk.address
        tables["trunks"]["pbx"]["allow_from"] = ["127.0.0.1/32"]
        tables["agents"]["reception"]["endpoint"] = f"quic://127.0.0.1:{agents.port}"
        tables["agents"]["reception"]["input_rate_hz"] = 24000  # what it speaks in
        tables["agents"]["reception"]["tls"]["ca_file"] = str(agents.ca_file)
        running = plugin(**tables)
        running.wait_trunk("extension", "registered")
        return asterisk, running, agents

    yield start
    for agents in started:
        agents.process.stop()


def wait_ended(asterisk: Asterisk) -> None:
    wait_until(lambda: not asterisk.channels(), "Asterisk's calls to end", 30)
