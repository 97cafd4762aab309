"""Packets that come evenly go out at the very next pull, whatever their size."""

import numpy as np
import pytest

from bridge.audio import g711
from sip_plugin.media import rtp
from sip_plugin.media.description import PhoneCodec
from tests.media.captures import captured
from tests.media.phone import LOUD, call, number, packet, session


def test_every_packet_is_there_at_the_next_pull():
    arrivals = [(1 + n * 0.02, packet(n)) for n in range(500)]
    heard, _ = call(session(), arrivals, until=11)
    assert [round(h.at, 3) for h in heard] == [round(1 + n * 0.02, 3) for n in range(500)]
    assert [number(h.frame) for h in heard] == [n % len(LOUD) for n in range(500)]
    assert {h.frame.kind for h in heard} == {"audio"}


def test_a_short_jitter_is_followed_not_smoothed():
    """15 ms late: the packet goes out when it comes, and the next one is not delayed by it."""
    arrivals = [(1 + n * 0.02 + (0.015 if n == 50 else 0), packet(n)) for n in range(100)]
    heard, _ = call(session(), arrivals, until=3)
    assert [round(h.at - 1 - n * 0.02, 3) for n, h in enumerate(heard)] == [
        0.015 if n == 50 else 0 for n in range(100)
    ]


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 60])
def test_any_packet_time_becomes_frames_of_20_ms(ptime_ms):
    samples = ptime_ms * 8
    count = 6000 // ptime_ms
    arrivals = [(1 + n * ptime_ms / 1000, packet(n, samples=samples)) for n in range(count)]
    rtp_session = session(ptime_ms=ptime_ms)
    heard, _ = call(rtp_session, arrivals, until=1 + 6)
    assert len(heard) == 300
    assert {h.frame.kind for h in heard} == {"audio"}
    newest = [(i * 160 + 159) // samples for i in range(300)]
    assert [number(h.frame) for h in heard] == [n % len(LOUD) for n in newest]
    for i, h in enumerate(heard):
        assert h.at - (1 + newest[i] * ptime_ms / 1000) < 0.011, f"frame {i} was held back"


def test_numbers_and_timestamps_wrap_unnoticed():
    arrivals = [
        (1 + n * 0.02, packet(n, seq=65500 + n, ts=2**32 - 8000 + n * 160)) for n in range(200)
    ]
    rtp_session = session()
    heard, _ = call(rtp_session, arrivals, until=5)
    assert [number(h.frame) for h in heard] == [n % len(LOUD) for n in range(200)]
    assert rtp_session.stats.lost == 0
    assert rtp_session.stats.clock_restarts == 0


def test_a_captured_call_of_30_ms_packets_comes_out_sample_by_sample():
    packets = list(captured("alaw_30ms.pcap"))
    rtp_session = session(codec=PhoneCodec.ALAW, rx_payload_type=8, ptime_ms=30)
    heard, _ = call(rtp_session, [(1 + t, data) for t, data in packets], until=1 + packets[-1][0])
    said = np.concatenate([g711.decode(g711.ALAW, rtp.parse(data).payload) for _, data in packets])
    out = np.concatenate([h.frame.pcm for h in heard])
    assert len(out) >= len(said) - 480
    assert np.array_equal(out, said[: len(out)])
    assert rtp_session.stats.lost == rtp_session.stats.concealed == 0
