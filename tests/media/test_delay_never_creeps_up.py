"""After a stall, a late start or with a fast far clock, the delay returns to nothing."""

import pytest

from tests.media.phone import QUIET, call, number, packet, session


def stalled(stall: float, code: int | None = None) -> list[tuple[float, bytes]]:
    """Even packets; those of `stall` seconds from 2.0 on come together at its end."""
    arrivals = []
    for n in range(600):
        at = 1 + n * 0.02
        quiet = code if at >= 2 + stall else None
        arrivals.append((2 + stall if 2 <= at < 2 + stall else at, packet(n, code=quiet)))
    return arrivals


def delays(heard, after: float) -> list[float]:
    """How long after its packet was sent each frame from `after` on went out."""
    result = []
    for h in heard:
        if h.at > after:
            sent = round((h.at - 1) / 0.02)
            behind = (sent - number(h.frame)) % 62
            result.append(behind * 0.02 + (h.at - 1 - sent * 0.02))
    return result


@pytest.mark.parametrize("stall", [0.06, 0.1, 0.2, 0.5, 2.0])
def test_speech_after_a_stall_is_back_in_time_within_two_seconds(stall):
    rtp_session = session()
    heard, _ = call(rtp_session, stalled(stall), until=13)
    assert len(heard) in (600, 601, 602)
    assert max(delays(heard, 2 + stall + 2)) < 0.001


def test_what_was_said_in_a_short_stall_is_still_heard():
    rtp_session = session()
    heard, _ = call(rtp_session, stalled(0.1), until=13)
    numbers = [number(h.frame) for h in heard if h.frame.kind == "audio"]
    assert set(range(50, 56)) <= set(numbers)
    assert rtp_session.stats.dropped_frames == 3


def test_silence_after_a_stall_is_dropped_at_once():
    rtp_session = session()
    heard, _ = call(rtp_session, stalled(0.2, code=QUIET), until=13)
    talk = [h for h in heard if h.frame.kind == "audio" and h.frame.pcm[-1] != 0]
    assert talk[-1].at < 2.45
    assert rtp_session.stats.dropped_frames >= 6


def test_a_stream_that_began_late_does_not_stay_late():
    arrivals = [(max(1.1, 1 + n * 0.02), packet(n)) for n in range(200)]
    heard, _ = call(session(), arrivals, until=5)
    assert max(delays(heard, 3.2)) < 0.001


def test_a_fast_far_clock_costs_a_frame_now_and_then():
    """1000 ppm for 60 s are three frames too many; no frame waits longer than one slot."""
    arrivals = [(1 + n * 0.02 * 0.999, packet(n)) for n in range(3000)]
    rtp_session = session()
    heard, _ = call(rtp_session, arrivals, until=60)
    assert abs(len(heard) - 59 / 0.02) <= 2
    assert rtp_session.stats.dropped_frames in (1, 2, 3)


def test_a_slow_far_clock_costs_a_made_up_frame_now_and_then():
    arrivals = [(1 + n * 0.02 * 1.002, packet(n)) for n in range(3000)]
    rtp_session = session()
    heard, _ = call(rtp_session, arrivals, until=61)
    assert abs(len(heard) - 60 / 0.02) <= 4
    assert rtp_session.stats.concealed in (2, 3, 4, 5)
    assert rtp_session.stats.dropped_frames == 0
