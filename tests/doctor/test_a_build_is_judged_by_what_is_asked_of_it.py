import pytest

from sip_plugin.config import Config
from sip_plugin.doctor import Finding, State
from sip_plugin.doctor.stack import examine
from sip_plugin.sip.build import StackBuild

STOCK = StackBuild(
    distribution="2.15.1.post1",
    pjproject="2.15.1",
    assertions=True,
    openssl="OpenSSL 1.0.2k-fips  26 Jan 2017",
    calls=4,
    accounts=8,
    digest_sha256=True,
    tls=True,
    srtp_suites=("AES_CM_128_HMAC_SHA1_80",),
)
OWN = STOCK.model_copy(
    update={
        "distribution": "2.15.1.post1+pjproject.2.17.b0123abcd",
        "pjproject": "2.17",
        "assertions": False,
        "openssl": "OpenSSL 3.0.17 1 Jul 2025",
        "calls": 1024,
        "accounts": 64,
        "ipv6": True,
    }
)


def findings(build: StackBuild, **tables) -> dict[str, Finding]:
    config = Config.model_validate(tables) if tables else None
    return {finding.subject: finding for finding in examine(build, config)}


def trunks(count: int) -> dict:
    trunk = {
        "domain": "sip.example.net",
        "require_registration": False,
        "allow_from": ["192.0.2.1"],
    }
    return {f"t{number}": trunk for number in range(count)}


def test_an_own_build_has_nothing_to_improve():
    assert {finding.state for finding in findings(OWN).values()} == {State.OK}


def test_the_stock_wheel_is_limited_but_works():
    found = findings(STOCK)
    limited = {subject for subject, finding in found.items() if finding.state is State.LIMIT}
    assert limited == {"pjsua2", "calls", "TLS", "IPv6", "assertions"}
    assert State.FAULT not in {finding.state for finding in found.values()}
    assert all("make pjsua2" in found[subject].advice for subject in limited)


def test_more_calls_than_there_is_room_for_are_clipped():
    found = findings(STOCK, sip={"max_calls": 50})["calls"]
    assert found.state is State.LIMIT
    assert found.found == "room for 4 calls, sip.max_calls = 50 is clipped to it"
    assert findings(STOCK, sip={"max_calls": 4})["calls"].state is State.OK


def test_more_trunks_than_there_is_room_for_are_a_fault():
    assert findings(STOCK, trunks=trunks(9))["trunks"].state is State.FAULT
    assert findings(STOCK, trunks=trunks(8))["trunks"].state is State.OK
    assert findings(OWN, trunks=trunks(64))["trunks"].state is State.OK


@pytest.mark.parametrize(
    ("openssl", "versions"),
    [
        ("OpenSSL 1.0.2k-fips  26 Jan 2017", ("1.2",)),
        ("OpenSSL 1.1.0l  10 Sep 2019", ("1.2",)),
        ("OpenSSL 1.1.1w  11 Sep 2023", ("1.2", "1.3")),
        ("OpenSSL 3.0.17 1 Jul 2025", ("1.2", "1.3")),
        ("", ("1.2",)),
    ],
)
def test_tls_1_3_is_there_from_openssl_1_1_1_on(openssl, versions):
    assert STOCK.model_copy(update={"openssl": openssl}).tls_versions == versions


def test_a_build_without_tls_and_srtp_is_told():
    found = findings(STOCK.model_copy(update={"tls": False, "srtp_suites": ()}))
    assert (found["TLS"].state, found["SRTP"].state) == (State.LIMIT, State.LIMIT)


def test_srtp_is_told_as_far_as_the_media_takes_it_too():
    suites = ("AES_256_CM_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")
    found = findings(STOCK.model_copy(update={"srtp_suites": suites}))["SRTP"]
    assert (found.state, found.found) == (State.OK, "SDES: AES_CM_128_HMAC_SHA1_32")
    found = findings(STOCK.model_copy(update={"srtp_suites": suites[:1]}))["SRTP"]
    assert found.state == State.LIMIT
