"""RFC 4733 from the phone: one digit a key, however its packets are repeated, lost or mixed."""

import struct

import numpy as np

from sip_plugin.media import rtp
from sip_plugin.media.dtmf import Dtmf
from tests.media.captures import captured
from tests.media.phone import EVENTS, SSRC, call, packet, session


def event(seq, ts, code, duration, end=False, marker=False, ssrc=SSRC):
    payload = struct.pack("!BBH", code, 0x80 | 10 if end else 10, duration)
    return rtp.build(rtp.RtpPacket(EVENTS, seq, ts, ssrc, payload, marker))


def key(begin, seq, ts, code, packets=5, ends=3, lost=()):
    """A key held for `packets` x 20 ms from `begin` seconds: its packets and their times."""
    made = []
    for n in range(packets):
        made.append((begin + n * 0.02, event(seq + n, ts, code, (n + 1) * 160, marker=n == 0)))
    for n in range(ends):
        made.append(
            (begin + packets * 0.02, event(seq + packets + n, ts, code, packets * 160, True))
        )
    return [m for i, m in enumerate(made) if i not in lost]


def test_a_key_with_three_ends_is_one_digit():
    _, events = call(session(), key(1, 0, 800, 5), until=2)
    assert events == [Dtmf("5", 100)]


def test_the_same_key_twice_is_two_digits():
    _, events = call(session(), key(1, 0, 800, 11) + key(1.3, 8, 3200, 11), until=2)
    assert events == [Dtmf("#", 100), Dtmf("#", 100)]


def test_lost_beginnings_and_ends_do_not_lose_the_digit():
    only_one_end = key(1, 0, 800, 10, lost=(0, 1, 2, 3, 4, 5, 6))
    no_end = key(1.3, 8, 3200, 1, ends=0)
    _, events = call(session(), only_one_end + no_end, until=2)
    assert events == [Dtmf("*", 100), Dtmf("1", 100)]


def test_a_key_without_an_end_ends_with_the_next_one():
    _, events = call(session(), key(1, 0, 800, 1, ends=0) + key(1.12, 5, 1760, 2), until=2)
    assert events == [Dtmf("1", 100), Dtmf("2", 100)]


def test_an_overtaken_packet_does_not_press_the_key_again():
    arrivals = key(1, 0, 800, 7)
    arrivals[1], arrivals[6] = (1.19, arrivals[1][1]), (1.02, arrivals[6][1])
    _, events = call(session(), arrivals, until=2)
    assert events == [Dtmf("7", 100)]


def test_a_key_longer_than_the_field_holds_is_one_digit():
    """Segments of 65535 samples each begin anew, without a marker (section 2.5.1.3)."""
    arrivals = [(1, event(0, 100, 3, 160, marker=True)), (1.1, event(1, 100, 3, 65535))]
    arrivals += [(1.2, event(2, 65635, 3, 800)), (1.3, event(3, 65635, 3, 8000, True))]
    _, events = call(session(), arrivals, until=2)
    assert events == [Dtmf("3", (65535 + 8000) * 1000 // 8000)]


def test_the_tone_of_a_key_is_silence_for_the_model():
    """Some gateways leave the tone in the audio beside the events."""
    arrivals = [(1 + n * 0.02, packet(n, seq=2 * n)) for n in range(100)]
    arrivals += [
        (t + 0.001, data)
        for t, data in (
            (2 + n * 0.02, event(101 + 2 * n, 8000, 9, (n + 1) * 160, end=n == 9, marker=n == 0))
            for n in range(10)
        )
    ]
    heard, events = call(session(), arrivals, until=3)
    assert events == [Dtmf("9", 200)]
    during = [h.frame for h in heard if 2.02 <= h.at <= 2.18]
    assert {f.kind for f in during} == {"silence"}
    assert not np.any([f.pcm for f in during])


def test_events_that_are_no_keys_are_not_reported():
    _, events = call(session(), key(1, 0, 800, 16) + key(1.3, 8, 3200, 255), until=2)
    assert events == []


def test_keys_faster_than_fingers_are_refused():
    rtp_session = session()
    arrivals = [(1 + n * 0.001, event(n, n * 160, n % 10, 160, True)) for n in range(1000)]
    _, events = call(rtp_session, arrivals, until=3)
    assert len(events) <= 40
    assert rtp_session.stats.digits_refused == 1000 - len(events)


def test_keys_in_a_stream_of_their_own_are_heard_beside_the_audio():
    arrivals = [(1 + n * 0.02, packet(n)) for n in range(100)]
    arrivals += [
        (1.505 + n * 0.02, event(n, 77, 4, (n + 1) * 160, end=n == 4, ssrc=5)) for n in range(5)
    ]
    rtp_session = session()
    _, events = call(rtp_session, arrivals, until=3)
    assert events == [Dtmf("4", 100)]
    assert rtp_session.stats.received == 100
    assert rtp_session.stats.source_changes == 0


def test_a_key_whose_stream_breaks_off_is_still_reported():
    arrivals = key(1, 0, 2**31 + 5, 1, ends=0)
    arrivals += [(1.11 + n * 0.02, packet(n, ssrc=5)) for n in range(20)]
    _, events = call(session(), arrivals, until=2)
    assert events == [Dtmf("1", 100)]


def test_a_captured_key_is_read():
    """`dtmf_5.pcap`: key 5 as sent by a gateway, one of the captures that come with sipp."""
    packets = list(captured("dtmf_5.pcap"))
    event_type = rtp.parse(packets[0][1]).payload_type
    rtp_session = session(rx_event_payload_type=event_type)
    _, events = call(rtp_session, [(1 + t, data) for t, data in packets], until=2)
    assert events == [Dtmf("5", 280)]
    assert rtp_session.stats.digits_received == 1
