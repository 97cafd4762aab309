"""A registrar of raw bytes on loopback; what the supervisor is told, and what is logged."""

import hashlib
import re
from collections.abc import Callable, Iterator

import pytest

from sip_plugin.planes.messages import TrunkState
from tests.sip.conftest import SipServer
from tests.sip.phone import Phone, Received

CHALLENGE = 'WWW-Authenticate: Digest realm="trunk.test", nonce="abc", algorithm=MD5\r\n'


@pytest.fixture
def registrar() -> Iterator[Phone]:
    phone = Phone()
    yield phone
    phone.close()


def trunk(registrar: Phone, **changes) -> dict:
    return {
        "main": {
            "domain": f"127.0.0.1:{registrar.port}",
            "sip_username": "1001",
            "sip_password": "s3cret",
            **changes,
        }
    }


def grant(registrar: Phone, asked: Received, expires: int) -> None:
    contact = asked.headers["contact"].partition(";expires")[0]
    headers = f"Contact: {contact};expires={expires}\r\nExpires: {expires}\r\n"
    registrar.reply(asked, 200, "OK", headers=headers)


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def test_digest_refresh_and_the_end(registrar: Phone, start_sip: Callable[..., SipServer]):
    server = start_sip(trunks=trunk(registrar, register_expires_secs=60))
    supervisor = server.supervisor()
    first = registrar.expect("REGISTER")
    registrar.reply(first, 401, "Unauthorized", headers=CHALLENGE)
    second = registrar.expect("REGISTER")
    credentials = dict(re.findall(r'(\w+)="?([^",]+)"?', second.headers["authorization"]))
    expected = md5(f"{md5('1001:trunk.test:s3cret')}:abc:{md5('REGISTER:' + credentials['uri'])}")
    assert credentials["response"] == expected
    assert "expires: 60" in str(second.headers).lower().replace("'", "")
    grant(registrar, second, 7)
    registered = supervisor.wait(TrunkState, state="registered")
    assert registered.expires_secs == 7

    refresh = registrar.expect("REGISTER", secs=7)
    grant(registrar, refresh, 7)
    server.process.terminate()
    goodbye = registrar.expect("REGISTER")
    assert "expires=0" in goodbye.headers.get("contact", "") or goodbye.headers["expires"] == "0"
    grant(registrar, goodbye, 0)
    assert server.process.wait(5) == 0
    assert "trunk main: registered with" in server.log
    assert "s3cret" not in server.log


@pytest.mark.parametrize("code", [403, 408, 500, 503])
def test_a_refusal_is_told_and_retried(
    registrar: Phone, start_sip: Callable[..., SipServer], code: int
):
    server = start_sip(trunks=trunk(registrar))
    supervisor = server.supervisor()
    registrar.reply(registrar.expect("REGISTER"), code, "No")
    told = supervisor.wait(TrunkState, code=code)
    assert told.state == ("refused" if code == 403 else "unreachable")
    assert 1.0 <= told.retry_in_secs <= 2.0
    grant(registrar, registrar.expect("REGISTER"), 60)
    supervisor.wait(TrunkState, state="registered")
    assert "; retrying in " in server.log
    server.process.terminate()
    grant(registrar, registrar.expect("REGISTER"), 0)


def test_the_registrar_may_ask_for_patience(registrar: Phone, start_sip: Callable[..., SipServer]):
    server = start_sip(trunks=trunk(registrar))
    supervisor = server.supervisor()
    asked = registrar.expect("REGISTER")
    registrar.reply(asked, 503, "Busy", headers="Retry-After: 30\r\n")
    assert supervisor.wait(TrunkState, code=503).retry_in_secs == 30


def test_a_name_that_does_not_exist_is_told(start_sip: Callable[..., SipServer]):
    server = start_sip(
        trunks={"main": {"domain": "registrar.invalid", "sip_username": "u", "sip_password": "p"}}
    )
    told = server.supervisor().wait(TrunkState, state="unreachable")
    assert "registrar.invalid" in told.reason
    assert server.phone().options() == 503, "it answers, and has no worker"


def test_a_call_from_the_registrar_is_known_by_its_address(
    registrar: Phone, start_sip: Callable[..., SipServer]
):
    server = start_sip(trunks=trunk(registrar))
    server.worker()
    grant(registrar, registrar.expect("REGISTER"), 60)
    phone = server.phone()
    phone.call("1001")
    phone.hang_up()
    server.process.terminate()
    grant(registrar, registrar.expect("REGISTER"), 0)


@pytest.mark.parametrize("secs", [1, 0])
def test_the_way_through_a_router_is_kept_open(
    registrar: Phone, start_sip: Callable[..., SipServer], secs: int
):
    server = start_sip(trunks=trunk(registrar, keep_alive_secs=secs))
    grant(registrar, registrar.expect("REGISTER"), 60)

    packet = registrar.receive(3.0)

    if secs:
        assert packet is not None and packet.start.strip() == ""
    else:
        assert packet is None
    server.process.terminate()
    goodbye = registrar.expect("REGISTER")
    grant(registrar, goodbye, 0)


def test_a_trunk_is_told_the_address_that_it_reaches_us_at(
    registrar: Phone, start_sip: Callable[..., SipServer]
):
    server = start_sip(
        sip={"public_address": "203.0.113.7"},
        trunks=trunk(registrar, public_address="192.0.2.9"),
    )

    asked = registrar.expect("REGISTER")

    assert asked.headers["contact"].startswith(f"<sip:1001@192.0.2.9:{server.port}>")
    grant(registrar, asked, 60)
    server.supervisor().wait(TrunkState, state="registered")
