"""REGISTER at Kamailio as providers run it: algorithms, stale nonces, minimum times, a proxy."""

import time

import pytest

from sip_plugin.sip.build import probe
from tests.peers.certificates import Authority
from tests.peers.kamailio_registrar import PASSWORD, KamailioRegistrar, check_kamailio
from tests.peers.process import wait_until

pytestmark = pytest.mark.peer("kamailio")


@pytest.fixture
def registrar(ports, tmp_path):
    check_kamailio()
    running: list[KamailioRegistrar] = []

    def start(**options) -> KamailioRegistrar:
        folder = tmp_path / f"registrar-{len(running)}"
        running.append(KamailioRegistrar(ports, folder, **options))
        return running[-1]

    yield start
    for one in running:
        one.stop()


def account(domain: str, **fields) -> dict:
    return {
        "domain": domain,
        "sip_username": "1001",
        "sip_password": PASSWORD,
        "register_expires_secs": 60,
        **fields,
    }


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_digest_by_either_algorithm(plugin, registrar, algorithm):
    if algorithm == "SHA-256" and not probe().digest_sha256:
        pytest.skip("the installed pjsua2 has no SHA-256; scripts/build-pjsua2 builds one")
    kamailio = registrar(algorithm=algorithm)

    line = plugin(trunks={"main": account(kamailio.address)})

    [contact] = kamailio.wait_registered("1001")
    assert line.address in contact
    line.stop()
    wait_until(lambda: not kamailio.contacts("1001"), "the registration to be withdrawn")


def test_a_stale_nonce_is_answered_with_a_fresh_one(plugin, registrar):
    kamailio = registrar(nonce_secs=1, max_expires=8)
    line = plugin(trunks={"main": account(kamailio.address)})
    kamailio.wait_registered("1001")

    left = kamailio.expires("1001")
    time.sleep(1.2)
    wait_until(
        lambda: kamailio.expires("1001") >= left, "a refresh, whose nonce is stale by then", 10
    )

    assert line.trunk("main")["state"] == "registered"
    assert "refused" not in line.process.output()


def test_a_registrar_that_wants_a_longer_time_gets_it(plugin, registrar):
    kamailio = registrar(min_expires=600)

    line = plugin(trunks={"main": account(kamailio.address)})

    kamailio.wait_registered("1001")
    assert line.wait_trunk("main", "registered")["expires_secs"] >= 590


def test_an_outbound_proxy_needs_no_address_of_the_domain(plugin, registrar):
    kamailio = registrar()

    line = plugin(trunks={"main": account("trunk.test", proxy=kamailio.address)})

    kamailio.wait_registered("1001")
    line.wait_trunk("main", "registered")


def test_several_registrars_by_several_transports(plugin, registrar, ports, tmp_path):
    authority = Authority(tmp_path)
    first = registrar()
    second = registrar(certificate=authority.issue("kamailio", "localhost"))

    line = plugin(
        sip={"bind_tls": f"127.0.0.1:{ports.one()}", "tls": {"ca_file": str(authority.ca_file)}},
        trunks={
            "udp": account(first.address),
            "tcp": account(second.address, transport="tcp"),
            "tls": account(f"localhost:{second.tls_port}", transport="tls", sip_username="1002"),
            "wrong": account(first.address, sip_username="1003", sip_password="wr0ng"),
        },
        ready=False,
    )

    first.wait_registered("1001")
    assert "transport=TCP" in second.wait_registered("1001")[0]
    assert "transport=TLS" in second.wait_registered("1002")[0]
    for name in ("udp", "tcp", "tls"):
        line.wait_trunk(name, "registered")
    assert line.wait_trunk("wrong", "refused")["code"] in (401, 403)
    assert not first.contacts("1003")
