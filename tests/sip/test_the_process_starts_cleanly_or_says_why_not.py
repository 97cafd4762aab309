import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

from bridge.secret import REVEAL
from sip_plugin.config import Config
from sip_plugin.planes.messages import Ping, Pong
from tests.peers.ports import Ports
from tests.sip.conftest import SipServer, configuration


def run(folder: Path, document: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sip_plugin.sip", "--run-dir", str(folder), "--name", "sip"]
    return subprocess.run(command, input=document, capture_output=True, text=True, timeout=20)


def test_a_bad_configuration_is_exit_2(tmp_path: Path):
    ended = run(tmp_path, '{"sip": {"bindd": "x"}}')
    assert ended.returncode == 2
    assert "bindd" in ended.stderr


def test_a_taken_port_is_exit_1_and_named(tmp_path: Path, sip_ports: Ports):
    port = sip_ports.one()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", port))
        config = Config.model_validate(configuration(port))
        ended = run(tmp_path, config.model_dump_json(context=REVEAL))
    assert ended.returncode == 1
    assert str(port) in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_socket_is_its_owners_alone(sip: SipServer):
    assert stat.S_IMODE(os.stat(sip.socket_path).st_mode) == 0o600


def test_a_ping_is_answered(sip: SipServer):
    supervisor = sip.supervisor()
    supervisor.send(Ping(n=7))
    assert supervisor.wait(Pong).n == 7


def test_nonsense_on_the_socket_costs_only_its_sender(sip: SipServer):
    supervisor = sip.supervisor()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stranger:
        stranger.connect(sip.socket_path)
        stranger.sendall(b"\xff\xff\xff\xff nonsense")
        assert stranger.recv(10) == b""
    supervisor.send(Ping(n=8))
    assert supervisor.wait(Pong, n=8)
