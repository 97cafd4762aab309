"""What does not come is made up for, once, without delaying what follows."""

import numpy as np

from tests.media.phone import call, number, packet, session


def test_one_loss_costs_one_made_up_frame_and_no_delay():
    arrivals = [(1 + n * 0.02, packet(n)) for n in range(100) if n != 50]
    rtp_session = session()
    heard, _ = call(rtp_session, arrivals, until=3)
    kinds = [h.frame.kind for h in heard]
    assert kinds == ["audio"] * 50 + ["concealed"] + ["audio"] * 49
    assert round(heard[50].at, 3) == 2.025  # at the first pull 22 ms after its time
    assert [round(h.at, 3) for h in heard[52:]] == [round(1 + n * 0.02, 3) for n in range(52, 100)]
    assert rtp_session.stats.lost == 1
    assert rtp_session.stats.concealed == 1


def test_a_long_loss_fades_to_silence_within_60_ms():
    arrivals = [(1 + n * 0.02, packet(n)) for n in range(100) if not 50 <= n < 60]
    heard, _ = call(session(), arrivals, until=3)
    lost = [h.frame for h in heard[50:60]]
    assert [f.kind for f in lost] == ["concealed"] * 3 + ["silence"] * 7
    levels = [int(np.abs(f.pcm.astype(int)).max()) for f in lost]
    assert levels[0] > levels[1] > levels[2] > 0
    assert levels[3:] == [0] * 7
    assert number(heard[60].frame) == 60


def test_two_swapped_packets_lose_nothing():
    arrivals = [(1 + n * 0.02 + (0.0205 if n == 50 else 0), packet(n)) for n in range(100)]
    rtp_session = session()
    heard, _ = call(rtp_session, arrivals, until=3)
    assert [number(h.frame) for h in heard] == [n % 62 for n in range(100)]
    assert rtp_session.stats.reordered == 1
    assert rtp_session.stats.lost == 0


def test_a_packet_that_comes_after_it_was_given_up_is_late():
    arrivals = [(1 + n * 0.02 + (0.05 if n == 50 else 0), packet(n)) for n in range(100)]
    rtp_session = session()
    heard, _ = call(rtp_session, arrivals, until=3)
    assert [h.frame.kind for h in heard].count("concealed") == 1
    assert rtp_session.stats.late == 1
    assert rtp_session.stats.lost == 0


def test_the_same_packet_twice_is_heard_once():
    arrivals = [(1 + n * 0.02 + d, packet(n)) for n in range(100) for d in (0, 0.003)]
    rtp_session = session()
    heard, _ = call(rtp_session, arrivals, until=3)
    assert [number(h.frame) for h in heard] == [n % 62 for n in range(100)]
    assert rtp_session.stats.duplicates == 100
