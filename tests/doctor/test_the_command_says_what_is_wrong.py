import fcntl
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.peers.dns_server import DnsServer, check_dns_server
from tests.peers.plugin import to_toml
from tests.peers.ports import Ports


@pytest.fixture
def doctor(tmp_path: Path, ports: Ports):
    """Run `sip-plugin doctor --json` on a configuration that these tables change."""

    def run(**tables: Any) -> tuple[int, dict[str, dict[str, str]]]:
        rtp = ports.block()
        config = {
            "sip": {"bind": f"127.0.0.1:{ports.one()}", **tables.get("sip", {})},
            "media": {
                "bind_address": "127.0.0.1",
                "rtp_start_port": rtp.start,
                "rtp_end_port": rtp.stop - 1,
                **tables.get("media", {}),
            },
            "service": {"run_dir": str(tmp_path / "run"), **tables.get("service", {})},
            "trunks": tables.get("trunks", {}),
            "agents": tables.get("agents", {}),
        }
        file = tmp_path / "sip-plugin.toml"
        file.write_text(to_toml(config))
        done = command("--json", "-c", str(file))
        report = json.loads(done.stdout)
        assert report["ok"] is (done.returncode == 0), done.stderr
        return done.returncode, {finding["subject"]: finding for finding in report["findings"]}

    return run


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sip_plugin", "doctor", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_machine_that_can_run_the_plugin_is_well():
    done = command()
    assert done.returncode == 0, done.stdout
    assert done.stdout.rstrip().splitlines()[-1].startswith("0 fault(s)")
    for subject in ("Python", "onnxruntime", "VAD model", "pjsua2", "calls", "TLS", "SRTP"):
        assert f" {subject} " in done.stdout


def test_a_configuration_that_this_machine_can_serve(doctor, tmp_path):
    code, found = doctor()
    assert code == 0, found
    assert found["SIP port"]["state"] == found["RTP ports"]["state"] == "ok"
    assert not (tmp_path / "run").exists()  # it leaves nothing behind


def test_a_sip_port_that_another_program_has(doctor):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        code, found = doctor(sip={"bind": f"127.0.0.1:{port}"})
    assert code == 1
    assert found["SIP port"]["state"] == "fault"
    assert f"sport = :{port}" in found["SIP port"]["advice"]


def test_a_sip_port_that_the_running_plugin_has(doctor, tmp_path):
    run_dir = tmp_path / "run"
    run_dir.mkdir(mode=0o700)
    lock = os.open(run_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            bind = f"127.0.0.1:{taken.getsockname()[1]}"
            code, found = doctor(sip={"bind": bind})
    finally:
        os.close(lock)
    assert code == 0, found
    assert "a plugin runs there" in found["run_dir"]["found"]


def test_an_address_that_is_not_this_machines(doctor):
    code, found = doctor(media={"bind_address": "192.0.2.1"})
    assert code == 1
    assert found["RTP ports"]["state"] == "fault"


def test_names_that_nobody_knows(doctor):
    code, found = doctor(
        trunks={"main": {"domain": "no-such-host.invalid", "sip_username": "1001"}},
        agents={"parrot": {"endpoint": "quic://127.0.0.1:4433", "agent": "parrot"}},
    )
    assert code == 1
    assert "no-such-host.invalid" in found["name of trunk main"]["found"]
    assert "name of agent parrot" not in found


def test_trunks_of_one_domain_are_looked_up_each_by_its_transport(doctor, tmp_path):
    check_dns_server()
    hosts = {"udp.provider.test": "127.0.0.9", "tcp.provider.test": "127.0.0.10"}
    services = [
        (f"_sip._{transport}.provider.test", f"{transport}.provider.test", 5070, 10, 5)
        for transport in ("udp", "tcp")
    ]
    names = DnsServer(tmp_path / "dns", hosts, services)
    trunk = {"domain": "provider.test", "sip_username": "1001"}
    trunks = {
        "one": trunk,
        "other": {**trunk, "transport": "tcp"},
        "third": {**trunk, "sip_username": "1002"},
    }
    try:
        _, found = doctor(sip={"nameservers": [names.address]}, trunks=trunks)
    finally:
        names.stop()
    assert found["name of trunk one, trunk third"]["found"] == "provider.test: 127.0.0.9"
    assert found["name of trunk other"]["found"] == "provider.test: 127.0.0.10"


def test_with_ipv6_names_are_looked_up_for_it(doctor, ports, tmp_path):
    check_dns_server()
    names = DnsServer(tmp_path / "dns", {"sip1.provider.test": "127.0.0.9,2001:db8::9"})
    trunk = {"domain": "sip1.provider.test", "sip_username": "1001"}
    sip = {"bind": f"[::1]:{ports.one()}", "nameservers": [names.address]}
    try:
        _, found = doctor(sip=sip, media={"bind_address": "::1"}, trunks={"main": trunk})
    finally:
        names.stop()
    assert found["name of trunk main"]["found"] == "sip1.provider.test: 2001:db8::9"


def test_a_trunk_that_has_srv_records_only(doctor, tmp_path):
    check_dns_server()
    service = ("_sip._udp.provider.test", "sip1.provider.test", 5070, 10, 5)
    names = DnsServer(tmp_path / "dns", {"sip1.provider.test": "127.0.0.9"}, [service])
    trunk = {"domain": "provider.test", "sip_username": "1001"}
    nameservers = {"nameservers": [names.address]}
    try:
        _, found = doctor(sip=nameservers, trunks={"main": trunk})
        _, chosen = doctor(sip=nameservers, trunks={"main": {**trunk, "transport": "auto"}})
    finally:
        names.stop()
    for each in (found, chosen):
        assert each["name of trunk main"]["state"] == "ok"
        assert each["name of trunk main"]["found"] == "provider.test: 127.0.0.9"


def test_a_run_dir_that_others_may_enter(doctor, tmp_path):
    (tmp_path / "run").mkdir(mode=0o755)
    code, found = doctor()
    assert code == 1
    assert "chmod 700" in found["run_dir"]["found"]


def test_a_faulty_configuration_is_reported_as_check_does(tmp_path):
    file = tmp_path / "sip-plugin.toml"
    file.write_text("[sip]\nport = 5060\n")
    done = command("-c", str(file))
    assert done.returncode == 2
    assert f"{file}:2: sip.port: unknown key" in done.stderr
