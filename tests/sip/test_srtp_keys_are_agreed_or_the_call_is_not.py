"""SRTP by `a=crypto` (RFC 4568), message by message: answers, new keys, and what is refused."""

import base64
import re
import secrets

import pytest

from sip_plugin.planes.messages import CallState, StartMedia
from tests.sip.phone import offer

SUITE = "AES_CM_128_HMAC_SHA1_80"


def new_key() -> str:
    return base64.b64encode(secrets.token_bytes(30)).decode()


def crypto(key: str, suite: str = SUITE, tag: int = 1, more: str = "") -> str:
    return f"a=crypto:{tag} {suite} inline:{key}{more}\r\n"


def secure(lines: str, port: int = 40000) -> str:
    return offer(port, extra=lines).replace("RTP/AVP", "RTP/SAVP")


def started(start_sip, srtp: str):
    trunk = {
        "domain": "127.0.0.1:9",
        "require_registration": False,
        "allow_from": ["127.0.0.1"],
        "srtp": srtp,
    }
    sip = start_sip(trunks={"main": trunk})
    return sip.worker(), sip.phone()


def keys_of(message: StartMedia) -> tuple[str, str]:
    assert message.media.srtp is not None
    return (
        message.media.srtp.send.get_secret_value(),
        message.media.srtp.receive.get_secret_value(),
    )


def answered_key(body: str) -> str:
    [key] = re.findall(rf"a=crypto:1 {SUITE} inline:([A-Za-z0-9+/=]+)", body)
    return key


@pytest.mark.parametrize("mode", ["optional", "required"])
def test_the_worker_gets_the_keys_of_both_sides(start_sip, mode):
    worker, phone = started(start_sip, mode)
    theirs = new_key()

    answer = phone.call(body=secure(crypto(theirs, more="|2^20")))

    assert "RTP/SAVP" in answer.body
    assert keys_of(worker.started()) == (answered_key(answer.body), theirs)
    phone.hang_up()


def test_an_offer_of_both_kinds_is_encrypted(start_sip):
    """`RTP/AVP` with a key, by which some say that they would rather have SRTP."""
    worker, phone = started(start_sip, "optional")
    theirs = new_key()

    answer = phone.call(body=offer(extra=crypto(theirs)))

    assert keys_of(worker.started()) == (answered_key(answer.body), theirs)
    phone.hang_up()


def test_a_plain_offer_is_taken_where_srtp_is_optional(start_sip):
    worker, phone = started(start_sip, "optional")

    answer = phone.call()

    assert "a=crypto" not in answer.body
    assert worker.started().media.srtp is None
    phone.hang_up()


def test_a_new_key_comes_with_a_new_offer(start_sip):
    worker, phone = started(start_sip, "required")
    answer = phone.call(body=secure(crypto(new_key())))
    before = keys_of(worker.started())

    renewed = new_key()
    phone.again("INVITE", secure(crypto(renewed)))
    answer = phone.final()
    phone.ack(answer)
    after = keys_of(worker.started(2))

    assert answer.code == 200
    assert after == (answered_key(answer.body), renewed)
    assert after[1] != before[1]
    phone.hang_up()


def test_hold_keeps_the_keys(start_sip):
    worker, phone = started(start_sip, "required")
    theirs = new_key()
    phone.call(body=secure(crypto(theirs)))

    phone.again("INVITE", secure(crypto(theirs) + "a=sendonly\r\n"))
    phone.ack(phone.final())

    assert keys_of(worker.started(2))[1] == theirs
    phone.hang_up()


@pytest.mark.parametrize(
    ("mode", "body"),
    [
        ("off", secure(crypto(new_key()))),
        ("required", offer()),
        ("required", secure("")),
        ("optional", secure("")),
        ("required", secure(crypto(new_key(), "AES_256_CM_HMAC_SHA1_80"))),
        ("required", secure(crypto(new_key(), "F8_128_HMAC_SHA1_80"))),
        ("required", secure(crypto("short"))),
        ("required", secure(crypto(new_key(), more="|2^20|1:4"))),
        ("required", secure(crypto(new_key(), more=" UNENCRYPTED_SRTP"))),
        ("required", secure(crypto(new_key(), more=f";inline:{new_key()}"))),
    ],
    ids=[
        *("off", "plain", "no key", "no key optional", "AES 256", "F8"),
        *("short key", "MKI", "unencrypted", "two keys"),
    ],
)
def test_what_cannot_be_encrypted_as_asked_is_refused(start_sip, mode, body):
    _, phone = started(start_sip, mode)

    phone.invite(body=body)
    answer = phone.final()
    phone.ack(answer)

    assert answer.code in (406, 488)


def test_a_usable_line_is_found_among_others(start_sip):
    worker, phone = started(start_sip, "required")
    theirs = new_key()
    lines = crypto(new_key(), "AES_256_CM_HMAC_SHA1_80", 1) + crypto(theirs, tag=2)

    answer = phone.call(body=secure(lines))

    assert f"a=crypto:2 {SUITE}" in answer.body
    assert keys_of(worker.started())[1] == theirs
    phone.hang_up()


def test_without_an_offer_ours_has_keys(start_sip):
    worker, phone = started(start_sip, "required")
    phone.invite(body="")
    answer = phone.final()
    ours, theirs = answered_key(answer.body), new_key()

    phone.ack(answer, secure(crypto(theirs)))

    assert "RTP/SAVP" in answer.body
    assert keys_of(worker.started()) == (ours, theirs)
    phone.hang_up()


@pytest.mark.parametrize("body", [offer(), secure("")], ids=["plain", "no key"])
def test_a_far_side_that_answers_without_keys_gets_no_audio(start_sip, body):
    worker, phone = started(start_sip, "required")
    phone.invite(body="")
    answer = phone.final()

    phone.ack(answer, body)

    assert phone.expect("BYE", 400, 488).method in ("BYE", "INVITE")
    assert not worker.all(StartMedia)
    assert not worker.all(CallState)
