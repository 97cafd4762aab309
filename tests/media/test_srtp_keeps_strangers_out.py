"""SRTP at the sockets' edge: both ends understand each other, and nobody else is let in."""

import base64
import os

import pytest
from pydantic import SecretStr

from sip_plugin.media.description import SrtpKeys, SrtpSuite
from sip_plugin.media.rtp import RtpPacket, build
from sip_plugin.media.srtp import OLD_KEY_SECS, Srtp


def key() -> SecretStr:
    return SecretStr(base64.b64encode(os.urandom(30)).decode())


def ends(suite: SrtpSuite = SrtpSuite.AES_CM_128_HMAC_SHA1_80) -> tuple[Srtp, Srtp, SrtpKeys]:
    """Two ends of a call, and the keys of the second."""
    one, other = Srtp(), Srtp()
    a, b = key(), key()
    one.update(SrtpKeys(suite=suite, send=a, receive=b), 0.0)
    keys = SrtpKeys(suite=suite, send=b, receive=a)
    other.update(keys, 0.0)
    return one, other, keys


def packet(sequence: int, payload: bytes = b"hello" * 32) -> bytes:
    return build(RtpPacket(0, sequence % 65536, sequence * 160 % 2**32, 7, payload, False))


@pytest.mark.parametrize("suite", SrtpSuite)
def test_what_one_end_encrypts_the_other_reads(suite):
    one, other, _ = ends(suite)
    plain = packet(1)

    secured = one.protect(plain)

    assert b"hello" not in secured
    assert other.unprotect(secured, 0.0) == plain
    report = bytes([0x80, 201, 0, 1]) + bytes(4)
    assert other.unprotect_rtcp(one.protect_rtcp(report), 0.0) == report
    assert other.stats.rejected == 0


def test_altered_replayed_and_plain_packets_are_dropped_and_counted():
    one, other, _ = ends()
    secured = one.protect(packet(1))
    altered = secured[:-1] + bytes([secured[-1] ^ 1])

    for hostile in (altered, packet(2), b"", b"\x80", os.urandom(200), os.urandom(2048)):
        assert other.unprotect(hostile, 0.0) is None
        assert other.unprotect_rtcp(hostile, 0.0) is None
    assert other.unprotect(secured, 0.0) is not None
    assert other.unprotect(secured, 0.0) is None
    assert other.stats.rejected == 13


def test_the_sequence_number_wraps_unnoticed():
    one, other, _ = ends()
    for sequence in range(65_000, 66_000):
        plain = packet(sequence)
        assert other.unprotect(one.protect(plain), 0.0) == plain


def test_a_new_offer_with_the_same_keys_keeps_the_count_of_wraps():
    one, other, keys = ends()
    for sequence in range(65_500, 65_600):
        other.unprotect(one.protect(packet(sequence)), 0.0)

    other.update(keys.model_copy(), 1.0)

    assert other.unprotect(one.protect(packet(65_600)), 1.0) is not None
    assert other.stats.keys_changed == 0


def test_packets_under_the_old_key_are_read_for_a_moment():
    one, other, keys = ends()
    renewed = key()
    other.update(keys.model_copy(update={"receive": renewed}), 10.0)

    late, later = one.protect(packet(1)), one.protect(packet(2))
    assert other.unprotect(late, 10.1) is not None
    assert other.unprotect(later, 10.0 + OLD_KEY_SECS) is None

    one.update(SrtpKeys(suite=keys.suite, send=renewed, receive=keys.send), 10.0)
    assert other.unprotect(one.protect(packet(3)), 12.0) is not None
    assert other.stats.keys_changed == 1


def test_a_call_without_keys_is_plain():
    plain = packet(1)
    for srtp in (Srtp(), ends()[0]):
        srtp.update(None, 0.0)
        assert srtp.protect(plain) == plain
        assert srtp.unprotect(plain, 0.0) == plain


def test_keys_are_shown_to_nobody():
    secret = key()
    keys = SrtpKeys(suite=SrtpSuite.AES_CM_128_HMAC_SHA1_80, send=secret, receive=secret)

    for shown in (repr(keys), str(keys), keys.model_dump_json()):
        assert secret.get_secret_value() not in shown
