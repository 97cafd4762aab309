"""From the first frame on there is one for every 20 ms, whatever the phone does."""

from itertools import pairwise

from sip_plugin.media import rtp
from sip_plugin.media.description import Direction
from tests.media.phone import PHONE, SSRC, call, description, number, packet, session


def comfort_noise(seq: int, ts: int) -> bytes:
    return rtp.build(rtp.RtpPacket(rtp.COMFORT_NOISE, seq, ts, SSRC, b"\x40"))


def test_nothing_comes_before_the_answer_or_the_first_packet():
    heard, _ = call(session(), [], until=5)
    assert heard == []


def test_a_phone_that_sends_nothing_after_the_answer_is_silence_at_real_time():
    answered = session()
    answered.restart(0.0)
    heard, _ = call(answered, [], until=5)
    assert {h.frame.kind for h in heard} == {"silence"}
    assert round(heard[0].at, 2) == 0.1
    assert abs(len(heard) - 245) <= 1


def test_a_phone_that_stops_sending_becomes_silence():
    arrivals = [(1 + n * 0.02, packet(n)) for n in range(50)]
    heard, _ = call(session(), arrivals, until=11)
    assert [h.frame.kind for h in heard[50:]] == ["concealed"] * 3 + ["silence"] * 446
    gaps = [b.at - a.at for a, b in pairwise(heard[60:])]
    assert max(gaps) < 0.026


def test_a_pause_with_comfort_noise_is_silence_and_not_loss():
    """Silence suppression: one packet of comfort noise, 2 s of nothing, then the next spurt."""
    arrivals = [(1 + n * 0.02, packet(n)) for n in range(50)]
    arrivals += [(2.0, comfort_noise(50, 8000))]
    arrivals += [
        (4 + n * 0.02, packet(n, seq=51 + n, ts=24000 + n * 160, marker=n == 0)) for n in range(50)
    ]
    rtp_session = session()
    heard, _ = call(rtp_session, arrivals, until=5)
    assert [h.frame.kind for h in heard] == ["audio"] * 50 + ["silence"] * 100 + ["audio"] * 50
    assert round(heard[150].at, 3) == 4.0  # the first word is not delayed
    assert number(heard[150].frame) == 0
    assert rtp_session.stats.concealed == 0


def test_a_phone_whose_clock_stands_still_in_pauses_is_heard_again_at_once():
    arrivals = [(1 + n * 0.02, packet(n)) for n in range(50)]
    arrivals += [(9 + n * 0.02, packet(50 + n, marker=n == 0)) for n in range(50)]
    heard, _ = call(session(), arrivals, until=10)
    again = [h for h in heard if h.at > 8.9 and h.frame.kind == "audio"]
    assert round(again[0].at, 3) == 9.0
    assert len(again) == 50
    assert abs(len(heard) - 450) <= 1


def test_new_timestamps_in_the_same_stream_are_followed():
    """An exchange that joins another source to the call: numbers go on, timestamps do not."""
    arrivals = [(1 + n * 0.02, packet(n, ts=900_000 + n * 160)) for n in range(50)]
    arrivals += [(2 + n * 0.02, packet(n, seq=50 + n, ts=77 + n * 160)) for n in range(50)]
    rtp_session = session()
    heard, _ = call(rtp_session, arrivals, until=3)
    assert [number(h.frame) for h in heard] == 2 * list(range(50))
    assert rtp_session.stats.clock_restarts == 1


def test_hold_is_silence_and_no_loss_of_the_line():
    rtp_session = session()
    call(rtp_session, [(1 + n * 0.02, packet(n)) for n in range(50)], until=2)
    rtp_session.update(description(direction=Direction.INACTIVE), 2.0)
    held, _ = call(rtp_session, [(3.0, packet(50))], begin=2.0, until=62)
    assert {h.frame.kind for h in held} == {"silence"}
    assert len(held) in (2999, 3000, 3001)
    assert rtp_session.silent_for(62.0) == 0
    assert rtp_session.stats.while_held == 1
    rtp_session.update(description(), 62.0)
    back = [(62 + n * 0.02, packet(n, seq=51 + n, ts=488_000 + n * 160)) for n in range(50)]
    heard, _ = call(rtp_session, back, begin=62.0, until=63)
    assert [number(h.frame) for h in heard if h.frame.kind == "audio"] == list(range(50))
    assert round(rtp_session.silent_for(70.0), 2) == 7.02


def test_our_own_pause_loses_nothing():
    """The process stood still for 400 ms; then the tick came before the socket was read."""
    rtp_session = session()
    heard = []
    for n in range(100):
        now = 1 + n * 0.02
        if not 50 <= n < 70:
            if n == 70:
                heard += rtp_session.pull(now)
                for late in range(50, 70):
                    rtp_session.receive(packet(late), PHONE, now)
            rtp_session.receive(packet(n), PHONE, now)
            heard += rtp_session.pull(now)
    numbers = [number(frame) for frame in heard if frame.kind == "audio"]
    assert numbers[-30:] == [n % 62 for n in range(70, 100)]
    assert len(heard) in (99, 100, 101)
    assert rtp_session.stats.concealed <= 3
