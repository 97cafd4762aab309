"""The wait for a missing packet grows to the jitter seen, 20 to 60 ms, and shrinks again."""

import random

from tests.media.phone import call, packet, session


def test_jitter_of_40_ms_is_learnt_after_a_frame_or_two():
    chance = random.Random(4)
    arrivals = [(1 + n * 0.02 + chance.uniform(0, 0.04), packet(n)) for n in range(1000)]
    rtp_session = session()
    call(rtp_session, arrivals, until=21)
    stats = rtp_session.stats
    assert stats.concealed <= 2
    assert 0.03 < stats.margin_ms / 1000 < 0.05


def test_the_margin_is_bounded_and_shrinks_on_a_line_that_got_better():
    chance = random.Random(5)
    rough = [(1 + n * 0.02 + chance.uniform(0, 0.2), packet(n)) for n in range(200)]
    calm = [(5.2 + n * 0.02, packet(n)) for n in range(210, 1000)]
    rtp_session = session()
    call(rtp_session, rough, until=5.2)
    assert rtp_session.stats.margin_ms == 60
    call(rtp_session, calm, begin=5.2, until=21)
    assert rtp_session.stats.margin_ms == 22


def test_bursts_of_100_ms_are_learnt_too():
    """Five packets at a time, as some access networks send: after the first seconds no hole."""
    arrivals = [(1 + n // 5 * 0.1, packet(n)) for n in range(1000)]
    rtp_session = session()
    heard, _ = call(rtp_session, arrivals, until=21)
    assert {h.frame.kind for h in heard if h.at > 3} == {"audio"}
    assert rtp_session.stats.dropped_frames == 0
