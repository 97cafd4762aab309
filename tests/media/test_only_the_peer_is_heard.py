"""Symmetric RTP: the signalled source, or behind NAT the first one in time, and no other."""

from sip_plugin.media.description import Direction
from tests.media.phone import PHONE, SSRC, STRANGER, description, packet, session

NAT = ("198.51.100.7", 31000)
NEW_PHONE = ("192.0.2.99", 5000)


def feed(rtp_session, source, first, count, begin, ssrc=SSRC):
    for n in range(first, first + count):
        rtp_session.receive(packet(n, ssrc=ssrc), source, begin + (n - first) * 0.02)


def test_a_stranger_is_not_heard_beside_the_signalled_source():
    rtp_session = session()
    feed(rtp_session, PHONE, 0, 10, 0.0)
    feed(rtp_session, STRANGER, 500, 50, 0.2, ssrc=99)
    stats = rtp_session.stats
    assert (stats.received, stats.foreign_source) == (10, 50)
    assert rtp_session.send(bytes(160), 1.2)[1] == PHONE


def test_behind_nat_the_first_source_in_sequence_is_the_peer():
    rtp_session = session()
    assert rtp_session.send(bytes(160), 0.0)[1] == PHONE
    feed(rtp_session, NAT, 0, 10, 0.1)
    assert rtp_session.stats.received == 9  # its first packet proves nothing yet
    assert rtp_session.send(bytes(160), 0.4)[1] == NAT
    feed(rtp_session, STRANGER, 500, 10, 0.4, ssrc=99)
    assert rtp_session.stats.received == 9


def test_single_packets_out_of_sequence_convince_nobody():
    rtp_session = session()
    for n in range(0, 200, 7):
        rtp_session.receive(packet(n), STRANGER, n * 0.02)
    assert rtp_session.stats.received == 0


def test_the_signalled_source_takes_the_line_back_from_a_quicker_stranger():
    rtp_session = session()
    feed(rtp_session, STRANGER, 500, 10, 0.0, ssrc=99)
    feed(rtp_session, PHONE, 0, 10, 1.0)
    assert rtp_session.send(bytes(160), 1.2)[1] == PHONE
    foreign = rtp_session.stats.foreign_source
    feed(rtp_session, STRANGER, 510, 10, 1.2, ssrc=99)
    assert rtp_session.stats.foreign_source == foreign + 10


def test_after_the_window_only_the_signalled_source_can_begin():
    rtp_session = session()
    feed(rtp_session, NAT, 0, 100, 6.0)
    assert rtp_session.stats.received == 0
    feed(rtp_session, PHONE, 0, 10, 9.0)
    assert rtp_session.stats.received == 10


def test_a_re_invite_to_another_address_is_followed_also_behind_nat():
    rtp_session = session()
    feed(rtp_session, PHONE, 0, 50, 0.0)
    rtp_session.update(description(remote_address=NEW_PHONE[0], remote_rtp_port=NEW_PHONE[1]), 1.0)
    assert rtp_session.send(bytes(160), 1.0)[1] == NEW_PHONE
    feed(rtp_session, PHONE, 50, 5, 1.0)  # on their way when the address changed
    assert rtp_session.stats.received == 55
    assert rtp_session.send(bytes(160), 1.1)[1] == NEW_PHONE
    feed(rtp_session, NAT, 900, 10, 1.1, ssrc=5)
    assert rtp_session.send(bytes(160), 1.3)[1] == NAT
    feed(rtp_session, PHONE, 55, 5, 1.3)
    assert rtp_session.stats.foreign_source == 1 + 5


def test_a_re_invite_that_changes_nothing_does_not_let_a_stranger_in():
    rtp_session = session()
    feed(rtp_session, PHONE, 0, 50, 0.0)
    rtp_session.update(description(), 1.0)
    feed(rtp_session, STRANGER, 500, 10, 1.001, ssrc=99)
    assert rtp_session.send(bytes(160), 1.2)[1] == PHONE
    feed(rtp_session, STRANGER, 510, 10, 1.7, ssrc=99)
    feed(rtp_session, PHONE, 50, 10, 2.2)
    assert rtp_session.stats.foreign_source == 20


def test_a_nat_that_changed_its_port_is_followed_after_a_re_invite():
    rtp_session = session()
    feed(rtp_session, NAT, 0, 50, 0.0)
    moved = (NAT[0], NAT[1] + 1)
    feed(rtp_session, moved, 50, 10, 1.0)
    assert rtp_session.send(bytes(160), 1.2)[1] == NAT
    rtp_session.update(description(), 2.0)
    feed(rtp_session, moved, 60, 50, 2.0)
    assert rtp_session.send(bytes(160), 3.0)[1] == moved


def test_a_stranger_cannot_take_a_line_on_hold():
    rtp_session = session()
    feed(rtp_session, NAT, 0, 50, 0.0)
    elsewhere = description(remote_address="192.0.2.77", direction=Direction.INACTIVE)
    rtp_session.update(elsewhere, 1.0)
    feed(rtp_session, STRANGER, 500, 100, 1.5, ssrc=99)
    rtp_session.update(description(), 4.0)
    assert rtp_session.send(bytes(160), 4.0)[1] != STRANGER
    feed(rtp_session, NAT, 50, 50, 4.0)
    assert rtp_session.send(bytes(160), 5.0)[1] == NAT


def test_hold_with_no_address_and_back_keeps_the_source_behind_nat():
    rtp_session = session()
    feed(rtp_session, NAT, 0, 10, 0.0)
    rtp_session.update(description(remote_address="0.0.0.0"), 1.0)
    assert rtp_session.send(bytes(160), 1.0) is None
    rtp_session.update(description(), 2.0)
    assert rtp_session.send(bytes(160), 2.0)[1] == NAT
    feed(rtp_session, NAT, 10, 10, 2.0)
    assert rtp_session.stats.received == 19


def test_a_new_stream_of_the_peer_is_followed():
    rtp_session = session()
    feed(rtp_session, PHONE, 0, 50, 0.0)
    feed(rtp_session, PHONE, 7000, 50, 1.0, ssrc=5)
    stats = rtp_session.stats
    assert stats.source_changes == 1
    assert stats.received == 99  # one packet of proof, since the old stream was alive
    assert stats.lost == 0


def test_another_stream_beside_the_present_one_does_not_break_it():
    rtp_session = session()
    for n in range(100):
        rtp_session.receive(packet(n), PHONE, n * 0.02)
        rtp_session.receive(packet(n, ssrc=5), PHONE, n * 0.02 + 0.01)
    assert rtp_session.stats.source_changes == 0
    assert rtp_session.stats.received == 100


def test_addresses_that_nobody_may_be_sent_to_are_no_destination():
    for address in ("0.0.0.0", "224.0.0.1", "255.255.255.255", "phone.example.net", ""):
        rtp_session = session(remote_address=address)
        assert rtp_session.send(bytes(160), 0.0) is None
    assert session(remote_rtp_port=0).send(bytes(160), 0.0) is None
