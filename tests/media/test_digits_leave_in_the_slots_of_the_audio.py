"""RFC 4733 to the phone: one packet a slot, the marker on the first, the end three times."""

import struct

import pytest

from sip_plugin.media import rtp
from sip_plugin.media.dtmf import DIGITS
from tests.media.phone import EVENTS, call, session

AUDIO = b"\xff" * 160


def sent(rtp_session, slots):
    packets = [rtp_session.send(AUDIO, n * 0.02) for n in range(slots)]
    return [rtp.parse(p[0]) for p in packets]


def test_a_digit_of_100_ms():
    rtp_session = session()
    first = sent(rtp_session, 1)[0]
    assert rtp_session.send_digit("5")
    assert rtp_session.digits_waiting
    packets = sent(rtp_session, 12)
    events = [p for p in packets if p.payload_type == EVENTS]
    assert events == packets[:7]
    assert [struct.unpack("!BBH", p.payload) for p in events] == [
        (5, 10, 160),
        (5, 10, 320),
        (5, 10, 480),
        (5, 10, 640),
        (5, 138, 800),
        (5, 138, 800),
        (5, 138, 800),
    ]
    assert [p.marker for p in events] == [True] + [False] * 6
    begun = (first.timestamp + 160) & 0xFFFFFFFF
    assert {p.timestamp for p in events} == {begun}
    # The audio afterwards is where it would have been without the digit.
    assert [(p.timestamp - begun) & 0xFFFFFFFF for p in packets[7:]] == [
        n * 160 for n in range(7, 12)
    ]
    assert [p.sequence for p in packets] == [(first.sequence + 1 + n) & 0xFFFF for n in range(12)]
    assert not rtp_session.digits_waiting


def test_what_we_send_is_what_a_receiver_of_ours_hears():
    rtp_session = session()
    for digit in DIGITS:
        assert rtp_session.send_digit(digit)
    packets = [(1 + n * 0.02, rtp_session.send(AUDIO, n * 0.02)[0]) for n in range(170)]
    _, events = call(session(), packets, until=6)
    assert "".join(e.digit for e in events) == DIGITS
    assert {e.duration_ms for e in events} == {100}


def test_the_queue_is_bounded_and_a_peer_without_events_gets_none():
    rtp_session = session()
    assert [rtp_session.send_digit("1") for _ in range(70)] == [True] * 64 + [False] * 6
    assert not session(tx_event_payload_type=-1).send_digit("1")
    with pytest.raises(ValueError, match="no DTMF digit"):
        session().send_digit("x")
