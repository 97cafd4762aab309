"""Answer after early media, another codec: the uplink follows, with no trace of what was before."""

import numpy as np

from bridge.audio import g711
from sip_plugin.media.description import PhoneCodec
from tests.media.phone import PHONE, call, description, exact_number, packet, session


def test_early_media_that_nobody_pulled_is_not_heard_after_the_answer():
    rtp_session = session()
    for n in range(500):
        rtp_session.receive(packet(n), PHONE, n * 0.02)
    rtp_session.restart(10.0)
    arrivals = [(10 + n * 0.02, packet(500 + n)) for n in range(50)]
    heard, _ = call(rtp_session, arrivals, begin=10.0, until=11)
    assert [exact_number(h.frame) for h in heard] == list(range(500, 550))
    assert [round(h.at, 3) for h in heard] == [round(10 + n * 0.02, 3) for n in range(50)]


def test_another_codec_is_decoded_from_its_first_packet():
    rtp_session = session()
    first, _ = call(rtp_session, [(1 + n * 0.02, packet(n)) for n in range(50)], until=2)
    alaw = description(codec=PhoneCodec.ALAW, rx_payload_type=8, tx_payload_type=8)
    rtp_session.update(alaw, 2.0)
    arrivals = [(2 + n * 0.02, packet(50 + n, pt=8, code=0x2A)) for n in range(50)]
    heard, _ = call(rtp_session, arrivals, begin=2.0, until=3)
    assert [h.frame.kind for h in first + heard] == ["audio"] * 100
    loud = g711.decode(g711.ALAW, b"\x2a")[0]
    assert all(np.all(h.frame.pcm == loud) for h in heard)


def test_a_session_refresh_is_not_noticed():
    rtp_session = session()
    arrivals = [(1 + n * 0.02, packet(n)) for n in range(100)]
    before, _ = call(rtp_session, arrivals[:50], until=2)
    rtp_session.update(description(), 2.0)
    after, _ = call(rtp_session, arrivals[50:], begin=2.0, until=3)
    assert [exact_number(h.frame) for h in before + after] == list(range(100))
