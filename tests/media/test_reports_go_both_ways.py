"""RTCP as RFC 3550 has it: what we report, what we learn, and how hostile reports fare."""

import struct
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sip_plugin.media import rtcp, rtp
from sip_plugin.media.description import Direction
from tests.media.phone import PHONE, PHONE_RTCP, SSRC, STRANGER, description, packet, session

AUDIO = b"\xff" * 160
NAT = ("198.51.100.7", 31000)


def ssrc_of(rtp_session):
    return rtp.parse(rtp_session.send(AUDIO, 0.0)[0]).ssrc


def reports(rtp_session, until, begin=0.0):
    found = []
    for step in range(int((until - begin) * 10)):
        now = begin + step / 10
        report = rtp_session.rtcp(now)
        if report is not None:
            found.append((now, *report))
    return found


def test_a_report_about_every_five_seconds_never_in_step():
    times = [now for now, _, _ in reports(session(), 500)]
    gaps = [b - a for a, b in pairwise(times)]
    assert 4.5 < sum(gaps) / len(gaps) < 5.6
    assert min(gaps) >= 2.4
    assert max(gaps) <= 7.7
    assert len({round(gap, 1) for gap in gaps}) > 10


def test_we_report_loss_and_jitter_of_the_peer():
    rtp_session = session()
    for n in range(200):
        if n % 4 != 3:
            rtp_session.receive(packet(n), PHONE, n * 0.02 + (n % 2) * 0.005)
    ours = ssrc_of(rtp_session)
    (_, data, destination), *_ = reports(rtp_session, 12, begin=4)
    assert destination == PHONE_RTCP
    report = rtcp.parse(data)[0]
    assert isinstance(report, rtcp.SenderReport)
    assert (report.ssrc, report.packets, report.octets) == (ours, 1, 160)
    block = report.blocks[0]
    assert block.ssrc == SSRC
    assert block.lost == 49  # number 199, the last, is not missed yet
    assert block.fraction_lost == 49 * 256 // 199
    assert block.highest_sequence == 198
    assert 20 < block.jitter < 45  # half of the packets 5 ms (40 samples) late


def test_after_a_pause_of_ours_the_report_is_a_receivers():
    rtp_session = session()
    rtp_session.send(AUDIO, 0.0)
    kinds = [type(rtcp.parse(data)[0]).__name__ for _, data, _ in reports(rtp_session, 30)]
    assert kinds[:3] == ["SenderReport", "ReceiverReport", "ReceiverReport"]


def test_the_round_trip_is_measured_from_the_peers_report():
    rtp_session = session()
    ours = ssrc_of(rtp_session)
    now, data, _ = reports(rtp_session, 8)[0]
    sent = rtcp.parse(data)[0]
    block = rtcp.ReportBlock(ours, 64, 12, 500, 80, sent.ntp >> 16 & 0xFFFFFFFF, 2 * 65536)
    answer = rtcp.build(rtcp.ReceiverReport(SSRC, (block,)), "phone")
    rtp_session.receive_rtcp(answer, PHONE_RTCP, now + 2.08)
    stats = rtp_session.stats
    assert stats.rtt_ms == pytest.approx(80, abs=0.1)
    assert (stats.peer_lost, stats.peer_fraction_lost, stats.peer_jitter_ms) == (12, 0.25, 10)


def test_the_peers_own_report_comes_back_to_it_with_the_delay():
    rtp_session = session()
    rtp_session.receive(packet(0), PHONE, 0.0)
    theirs = rtcp.SenderReport(SSRC, 0x0102030405060708, 0, 1, 160)
    rtp_session.receive_rtcp(rtcp.build(theirs, "phone"), PHONE_RTCP, 1.0)
    now, data, _ = reports(rtp_session, 12, begin=1)[0]
    block = rtcp.parse(data)[0].blocks[0]
    assert block.last_report == 0x03040506
    assert block.delay == pytest.approx((now - 1.0) * 65536, abs=2)


def test_our_goodbye_is_understood():
    rtp_session = session()
    ours = ssrc_of(rtp_session)
    data, destination = rtp_session.bye(1.0, "caller hung up")
    assert destination == PHONE_RTCP
    assert rtcp.parse(data)[-1] == rtcp.Goodbye((ours,), "caller hung up")


def test_a_goodbye_of_the_peer_is_noted():
    rtp_session = session()
    rtp_session.receive(packet(0), PHONE, 0.0)
    goodbye = rtcp.build(rtcp.ReceiverReport(SSRC), "phone", "bye")
    rtp_session.receive_rtcp(goodbye, STRANGER, 1.0)
    assert not rtp_session.stats.peer_said_goodbye
    assert rtp_session.stats.rtcp_foreign == 1
    rtp_session.receive_rtcp(goodbye, PHONE_RTCP, 1.0)
    assert rtp_session.stats.peer_said_goodbye


def test_behind_nat_reports_go_next_to_the_audio_or_where_the_peers_come_from():
    rtp_session = session()
    for n in range(3):
        rtp_session.receive(packet(n), NAT, n * 0.02)
    assert rtp_session.bye(1.0)[1] == (NAT[0], NAT[1] + 1)
    rtp_session.receive_rtcp(rtcp.build(rtcp.ReceiverReport(SSRC), "phone"), (NAT[0], 777), 1.0)
    assert rtp_session.bye(1.0)[1] == (NAT[0], 777)


def test_reports_go_on_during_hold():
    rtp_session = session()
    rtp_session.update(description(direction=Direction.INACTIVE), 0.0)
    assert len(reports(rtp_session, 30)) >= 4


def test_a_report_of_a_real_shape_with_unknown_parts_is_read():
    """SR, SDES, then an extended report (RFC 3611) that we do not know."""
    compound = rtcp.build(rtcp.SenderReport(1, 2, 3, 4, 5), "a") + struct.pack(
        "!BBHI", 0x80, 207, 1, 1
    )
    assert rtcp.parse(compound) == [rtcp.SenderReport(1, 2, 3, 4, 5)]


words = st.integers(0, 2**32 - 1)
blocks = st.builds(
    rtcp.ReportBlock,
    words,
    st.integers(0, 255),
    st.integers(-(2**23), 2**23 - 1),
    words,
    words,
    words,
    words,
)


@settings(deadline=None)
@given(
    words, st.lists(blocks, max_size=31), st.text(max_size=300), st.none() | st.text(max_size=50)
)
def test_what_is_built_is_parsed_again(ssrc, some, cname, goodbye):
    report = rtcp.ReceiverReport(ssrc, tuple(some))
    parsed = rtcp.parse(rtcp.build(report, cname, goodbye))
    assert parsed[0] == report
    assert len(parsed) == (1 if goodbye is None else 2)
