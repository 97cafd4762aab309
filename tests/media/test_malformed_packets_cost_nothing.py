"""Whatever comes from the network is dropped and counted; nothing is raised, nothing grows."""

import contextlib
import random
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sip_plugin.media import rtcp, rtp
from tests.media.phone import EVENTS, PHONE, PHONE_RTCP, packet, session


@pytest.mark.parametrize(
    ("reason", "data"),
    [
        ("short", b""),
        ("short", packet(1)[:11]),
        ("oversize", packet(1) + bytes(1500)),
        ("version", b"\x40" + packet(1)[1:]),
        ("csrc", b"\x8f" + packet(1)[1:20]),
        ("extension", b"\x90" + packet(1)[1:14]),
        ("extension", b"\x90" + packet(1)[1:12] + b"\xbe\xde\xff\xff"),
        ("padding", b"\xa0" + packet(1)[1:-1] + b"\x00"),
        ("padding", b"\xa0" + packet(1)[1:-1] + b"\xff"),
    ],
)
def test_each_kind_is_counted_by_its_reason(reason, data):
    rtp_session = session()
    assert rtp_session.receive(data, PHONE, 0.0) == []
    assert rtp_session.stats.malformed_by_reason == {reason: 1}
    assert rtp_session.stats.received == 0


def test_csrc_extension_and_padding_are_no_audio():
    audio = bytes(range(160))
    data = (
        bytes([0x80 | 0x20 | 0x10 | 2])
        + rtp.build(rtp.RtpPacket(0, 7, 8, 9, b""))[1:]
        + bytes(8)
        + b"\xbe\xde\x00\x01"
        + bytes(4)
        + audio
        + b"\x00\x00\x00\x04"
    )
    assert rtp.parse(data) == rtp.RtpPacket(0, 7, 8, 9, audio)


def test_unknown_payload_types_are_counted_and_do_not_count_as_life():
    rtp_session = session()
    rtp_session.receive(packet(1, pt=97), PHONE, 9.0)
    assert rtp_session.stats.unknown_payload_type == 1
    assert rtp_session.silent_for(10.0) == 10.0


@settings(deadline=None)
@given(
    st.integers(0, 127),
    st.integers(0, 65535),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=1488),
    st.booleans(),
)
def test_what_is_built_is_parsed_again(kind, sequence, timestamp, ssrc, payload, marker):
    made = rtp.RtpPacket(kind, sequence, timestamp, ssrc, payload, marker)
    assert rtp.parse(rtp.build(made)) == made


@settings(deadline=None)
@given(st.binary(max_size=1600))
def test_random_bytes_raise_nothing_but_their_own_error(data):
    rtp_session = session()
    rtp_session.receive(data, PHONE, 0.0)
    rtp_session.receive_rtcp(data, PHONE_RTCP, 0.0)
    with_header = b"\x80\xc8" + data
    for parse, error in (
        (rtp.parse, rtp.MalformedPacketError),
        (rtcp.parse, rtcp.MalformedRtcpError),
    ):
        for candidate in (data, with_header):
            with contextlib.suppress(error):
                parse(candidate)


packets = st.tuples(
    st.sampled_from([0, 13, EVENTS, 8]),
    st.integers(0, 65535),
    st.integers(0, 2**32 - 1) | st.integers(0, 40).map(lambda n: n * 80),
    st.sampled_from([1, 2]),
    st.binary(max_size=12) | st.integers(0, 1488).map(bytes),
    st.booleans(),
    st.sampled_from([PHONE, ("203.0.113.9", 9)]),
    st.floats(0, 0.5),
)


@settings(deadline=None)
@given(st.lists(packets, max_size=60))
def test_hostile_streams_raise_nothing_and_keep_the_uplink_at_real_time(stream):
    rtp_session = session()
    now, first, frames = 1.0, None, 0
    for kind, sequence, timestamp, ssrc, payload, marker, source, wait in stream:
        data = rtp.build(rtp.RtpPacket(kind, sequence, timestamp, ssrc, payload, marker))
        rtp_session.receive(data, source, now)
        until = now + wait
        while now <= until:
            frames += len(rtp_session.pull(now))
            if frames and first is None:
                first = now
            rtp_session.overdue_digits(now)
            now += 0.005
    if first is not None:
        due = (now - 0.005 - first) / 0.02 + 1
        assert due - 6 <= frames <= due + 3.5


def test_a_flood_leaves_no_trace_in_memory():
    chance = random.Random(8)
    rtp_session = session()
    rtp_session.receive(packet(0), PHONE, 0.0)

    def flood():
        for _ in range(3000):
            data = rtp.build(
                rtp.RtpPacket(
                    chance.choice([0, 13, EVENTS]),
                    chance.getrandbits(16),
                    chance.getrandbits(32),
                    chance.getrandbits(3),
                    chance.randbytes(160),
                )
            )
            rtp_session.receive(data, (f"10.0.0.{chance.randrange(256)}", 5), 0.5)
            rtp_session.receive(data, PHONE, 0.5)
            rtp_session.receive_rtcp(data, PHONE_RTCP, 0.5)
        rtp_session.pull(0.5)

    flood()
    before = sys.getallocatedblocks()
    flood()
    assert sys.getallocatedblocks() - before < 300
