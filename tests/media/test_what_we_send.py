"""Our packets: one a slot, even numbers and timestamps through pauses and holds."""

from sip_plugin.media import rtp
from sip_plugin.media.description import Direction
from tests.media.phone import PHONE, description, session

AUDIO = b"\xff" * 160


def sent(rtp_session, now):
    packet = rtp_session.send(AUDIO, now)
    return rtp.parse(packet[0])


def test_packets_follow_each_other_and_the_first_has_the_marker():
    rtp_session = session()
    packets = [sent(rtp_session, n * 0.02) for n in range(5)]
    first = packets[0]
    assert [(p.sequence - first.sequence) & 0xFFFF for p in packets] == [0, 1, 2, 3, 4]
    assert [(p.timestamp - first.timestamp) & 0xFFFFFFFF for p in packets] == [
        0,
        160,
        320,
        480,
        640,
    ]
    assert [p.marker for p in packets] == [True, False, False, False, False]
    assert {p.ssrc for p in packets} == {first.ssrc}
    assert first.payload == AUDIO
    assert rtp_session.stats.sent == 5


def test_a_pause_moves_the_timestamp_and_begins_a_talk_spurt():
    rtp_session = session()
    before = sent(rtp_session, 0.0)
    rtp_session.skip(1600)
    after = sent(rtp_session, 0.22)
    assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == 1760
    assert (after.sequence - before.sequence) & 0xFFFF == 1
    assert after.marker


def test_on_hold_nothing_is_sent_and_time_goes_on():
    rtp_session = session()
    before = sent(rtp_session, 0.0)
    rtp_session.update(description(direction=Direction.RECVONLY), 0.02)
    assert [rtp_session.send(AUDIO, n * 0.02) for n in range(1, 51)] == [None] * 50
    rtp_session.update(description(), 1.02)
    after = sent(rtp_session, 1.02)
    assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == 51 * 160
    assert (after.sequence - before.sequence) & 0xFFFF == 1
    assert after.marker


def test_a_changed_payload_type_is_used_from_the_next_packet():
    rtp_session = session()
    rtp_session.update(description(tx_payload_type=8), 0.0)
    packet, destination = rtp_session.send(AUDIO, 0.02)
    assert rtp.parse(packet).payload_type == 8
    assert destination == PHONE
