"""SIP over TLS at Asterisk: only a far side that proves its name gets our password."""

import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard
from tests.peers.asterisk import PASSWORD
from tests.peers.certificates import Authority
from tests.peers.plugin import agent
from tests.peers.tls_server import TlsServer

pytestmark = pytest.mark.peer("asterisk")


def account(domain: str, **fields) -> dict:
    return {
        "domain": domain,
        "sip_username": "1001",
        "sip_password": PASSWORD,
        "register_expires_secs": 60,
        "transport": "tls",
        **fields,
    }


def sip(ports, asterisk, **fields) -> dict:
    listens = {"bind": f"127.0.0.1:{ports.one()}", "bind_tls": f"127.0.0.1:{ports.one()}"}
    return {**listens, "tls": {"ca_file": str(asterisk.ca_file), **fields}}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_calls_come_and_go_over_the_verified_connection(plugin, model, ports, asterisk, host):
    said = speech.load("turn_1")
    asterisk.add_prompt("tls", said)
    line = plugin(
        sip=sip(ports, asterisk),
        trunks={"main": account(f"{host}:{asterisk.tls_port}")},
        agents={"parrot": agent(model)},
        dialplan={"routes": [{"number": "1001", "agent": "parrot"}]},
    )

    line.wait_trunk("main", "registered")
    [contact] = asterisk.wait_registered("1001")
    assert "transport=tls" in contact.lower()
    call = asterisk.originate(prompt="tls")
    sid = line.wait_call("in_progress")["sid"]
    line.wait_event(sid, "reply_end")
    line.wait_ended(sid)

    assert_heard(said, call.recording("tx"))
    assert_heard(said, call.recording("rx"))


def test_each_trunk_has_certificates_of_its_own(plugin, ports, asterisk, tmp_path):
    """Of two at the same registrar one knows its authority."""
    stranger = Authority(tmp_path, "Stranger")
    files = [str(asterisk.ca_file), str(stranger.ca_file)]
    domain = f"127.0.0.1:{asterisk.tls_port}"
    line = plugin(
        sip={"bind": f"127.0.0.1:{ports.one()}"},
        trunks={
            name: {**account(domain), "tls": {"ca_file": file}, "public_address": "127.0.0.1"}
            for name, file in zip(("known", "unknown"), files, strict=True)
        },
        ready=False,
    )

    line.process.wait_for("trunk known: registered", 20)
    line.process.wait_for("trunk unknown: .* is unreachable", 20)
    assert "trunk unknown: registered" not in line.process.output()


def test_a_certificate_of_another_authority_is_refused(plugin, ports, asterisk, tmp_path):
    stranger = Authority(tmp_path, "Stranger")
    line = plugin(
        sip=sip(ports, asterisk, ca_file=str(stranger.ca_file)),
        trunks={"main": account(f"127.0.0.1:{asterisk.tls_port}")},
        ready=False,
    )

    line.process.wait_for("the certificate of .* is not accepted", 15)
    assert line.wait_trunk("main", "unreachable")["state"] == "unreachable"
    assert not asterisk.contacts("1001")


@pytest.mark.parametrize(
    ("names", "expired"), [(("other.test",), False), (("localhost",), True)], ids=["name", "date"]
)
def test_a_wrong_certificate_gets_no_word_from_us(plugin, ports, tmp_path, names, expired):
    authority = Authority(tmp_path)
    certificate = authority.issue("server", *names, expired=expired)
    server = TlsServer(ports, certificate)
    line = plugin(
        sip={
            "bind_tls": f"127.0.0.1:{ports.one()}",
            "tls": {"ca_file": str(authority.ca_file)},
        },
        trunks={"main": account(f"localhost:{server.port}")},
        ready=False,
    )

    line.process.wait_for("the certificate of .* is not accepted", 15)
    line.wait_trunk("main", "unreachable")
    server.close()

    assert server.names[0] == "localhost"
    assert server.told == b""
