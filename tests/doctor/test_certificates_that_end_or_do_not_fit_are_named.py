"""Certificates on disk and those that gateways show: days left, what does not belong together."""

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import pytest

from sip_plugin.doctor.certificates import of_authorities, of_files
from tests.peers.certificates import Authority
from tests.peers.plugin import Gateway, agent, to_toml

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def judged(certificate, now: dt.datetime = NOW):
    cert, key = str(certificate.cert_file), str(certificate.key_file)
    [found] = of_files("sip.tls.cert_file", cert, key, now, then="then restart")
    return found


def test_the_days_that_are_left(authority):
    """It is issued for 30 days."""
    own = authority.issue("own", "sip.test")
    issued = dt.datetime.now(dt.UTC)

    assert judged(own, issued - dt.timedelta(days=1)).state == "ok"
    soon = judged(own, issued + dt.timedelta(days=20, minutes=1))
    assert (soon.state, "9 days left" in soon.found) == ("limit", True)
    assert soon.advice == "renew it and put the new files there; then restart"
    over = judged(own, issued + dt.timedelta(days=31, minutes=1))
    assert (over.state, "1 day ago" in over.found) == ("fault", True)
    early = judged(own, issued - dt.timedelta(days=3))
    assert (early.state, early.advice) == ("fault", "check this machine's clock")


def test_the_first_of_a_chain_to_end_counts(authority):
    over = authority.issue("over", "sip.test", expired=True)

    assert judged(over).state == "fault"


def test_a_key_of_another_certificate(authority):
    one, other = authority.issue("one", "a.test"), authority.issue("other", "b.test")

    [found] = of_files("x", str(one.cert_file), str(other.key_file), NOW, then="")
    assert found.state == "fault"
    assert "none of its certificates is that of" in found.found


def test_a_chain_in_the_wrong_order(authority, tmp_path):
    own = authority.issue("own", "sip.test")
    chain = tmp_path / "chain.pem"
    chain.write_bytes(authority.ca_file.read_bytes() + own.cert_file.read_bytes())

    [found] = of_files("x", str(chain), str(own.key_file), NOW, then="")
    assert (found.state, "is number 2" in found.found) == ("fault", True)
    assert found.advice.startswith("put it first")

    chain.write_bytes(own.cert_file.read_bytes() + authority.ca_file.read_bytes())
    [found] = of_files("x", str(chain), str(own.key_file), NOW - dt.timedelta(days=1), then="")
    assert found.state == "ok"


def test_a_chain_with_another_issuer(authority, tmp_path):
    own, stranger = authority.issue("own", "sip.test"), Authority(tmp_path, "Stranger")
    chain = tmp_path / "chain.pem"
    chain.write_bytes(own.cert_file.read_bytes() + stranger.ca_file.read_bytes())

    [found] = of_files("x", str(chain), str(own.key_file), NOW, then="")
    assert (found.state, "certificate 2 is not that of the issuer" in found.found) == (
        "fault",
        True,
    )


@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAA\n"])
def test_files_that_hold_something_else(authority, tmp_path, content):
    own = authority.issue("own", "sip.test")
    odd = tmp_path / "odd.pem"
    odd.write_bytes(content)

    for cert, key in ((odd, own.key_file), (own.cert_file, odd), (tmp_path / "none", odd)):
        [found] = of_files("x", str(cert), str(key), NOW, then="")
        assert found.state == "fault" and found.advice
    [found] = of_authorities("x", str(odd), NOW)
    assert found.state == "fault"


def test_an_authority_that_ends(authority):
    [found] = of_authorities("x", str(authority.ca_file), NOW + dt.timedelta(days=40))
    assert found.state == "fault"


def test_the_command_tells_of_all_of_them(tmp_path, ports):
    (tmp_path / "model").mkdir()
    gateway = Gateway(ports, tmp_path / "model")
    authority = Authority(tmp_path)
    over = authority.issue("over", "sip.test", expired=True)
    tls = {"cert_file": str(over.cert_file), "key_file": str(over.key_file)}
    rtp = ports.block()
    config = {
        "sip": {"bind": f"127.0.0.1:{ports.one()}", "tls": tls},
        "media": {
            "bind_address": "127.0.0.1",
            "rtp_start_port": rtp.start,
            "rtp_end_port": rtp.stop - 1,
        },
        "service": {"run_dir": str(tmp_path / "run")},
        "agents": {
            "parrot": agent(gateway),
            "absent": {"endpoint": f"quic://127.0.0.1:{ports.one()}", "agent": "x", "tls": tls},
        },
    }
    (tmp_path / "sip-plugin.toml").write_text(to_toml(config))
    listen = {**tls, "client_ca_file": str(authority.ca_file)}
    agents = {"parrot": {"backend": "parrot"}}
    (tmp_path / "gateway.toml").write_text(to_toml({"gateway": listen, "agents": agents}))

    done = subprocess.run(
        [
            *(sys.executable, "-m", "sip_plugin", "doctor", "--json"),
            *("-c", str(tmp_path / "sip-plugin.toml")),
            *("--gateway", str(tmp_path / "gateway.toml")),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    gateway.stop()

    assert (done.returncode, done.stderr) == (1, "")
    found = {each["subject"]: each for each in json.loads(done.stdout)["findings"]}
    assert found["sip.tls.cert_file"]["state"] == "fault"
    assert "restart the plugin" in found["sip.tls.cert_file"]["advice"]
    assert "restart the gateway" in found["gateway.cert_file"]["advice"]
    assert "days left" in found["certificate of agent parrot"]["found"]
    assert found["certificate of agent absent"]["state"] == "limit"
    assert "no answer" in found["certificate of agent absent"]["found"]
    assert found["agents.absent.tls.cert_file"]["state"] == "fault"
    assert "next connection" in found["agents.absent.tls.cert_file"]["advice"]
    assert found["gateway.client_ca_file"]["state"] in ("ok", "limit")
