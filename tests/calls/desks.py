"""The model server of tests/peers/desk_agent.py as a process."""

import sys
from pathlib import Path

from tests.peers.ports import Ports
from tests.peers.process import Process


def start_desk(ports: Ports, folder: Path) -> tuple[dict, Process]:
    """The agent's table, and the process."""
    port, ca_file = ports.one(), folder / "ca.pem"
    process = Process(
        "desk",
        [sys.executable, "-m", "tests.peers.desk_agent", port, ca_file],
        folder,
        {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    process.wait_for("serving", 20)
    table = {
        "endpoint": f"quic://127.0.0.1:{port}",
        "agent": "desk",
        "tls": {"ca_file": str(ca_file)},
    }
    return table, process
