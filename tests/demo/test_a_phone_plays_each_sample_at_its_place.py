"""What is heard, and what comes back of it, does not depend on when the phone gets its turn."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.audio.frames import FRAME_SAMPLES
from sip_plugin.demo.echo import EchoPath
from sip_plugin.demo.playout import DELAY_MS, LOST_PLACE, PhonePlayout

DELAY = DELAY_MS * 8
FRAMES = 100


def voice() -> np.ndarray:
    return (np.arange(FRAMES * FRAME_SAMPLES) % 20_000 + 1).astype(np.int16)


def play(arrivals: list[int], turns: list[int], begin: int = 4_000_000_000) -> np.ndarray:
    """What is heard of `voice()`.

    `arrivals`: when each packet comes; `turns`: when the phone plays each of its frames; in frames
    of the machine's clock. `begin`: the first timestamp, close to where they begin anew.
    """
    playout, sound = PhonePlayout(), voice()
    packets = sorted((at, n) for n, at in enumerate(arrivals))
    heard = []
    for frame, turn in enumerate(turns):
        while packets and packets[0][0] <= turn:
            at, n = packets.pop(0)
            part = sound[n * FRAME_SAMPLES : (n + 1) * FRAME_SAMPLES]
            timestamp = (begin + n * FRAME_SAMPLES) & 0xFFFFFFFF
            playout.push(7, timestamp, part, max(at, frame) * FRAME_SAMPLES)
        heard.append(playout.pull())
    return np.concatenate(heard)


def in_time(frames: int) -> list[int]:
    return list(range(frames))


def test_a_voice_that_comes_in_time_is_heard_whole_and_later_by_the_jitter_buffer():
    heard = play(in_time(FRAMES), in_time(FRAMES + 10), begin=4_294_960_000)
    assert not heard[:DELAY].any()
    assert np.array_equal(heard[DELAY : DELAY + len(voice())], voice())


@given(st.lists(st.integers(0, 4), min_size=FRAMES - 1, max_size=FRAMES - 1))
@settings(max_examples=50)
def test_packets_that_are_late_within_the_jitter_buffer_change_nothing(late):
    arrivals = [0, *(n + 1 + by for n, by in enumerate(late))]
    assert np.array_equal(
        play(arrivals, in_time(FRAMES + 10)), play(in_time(FRAMES), in_time(FRAMES + 10))
    )


@given(st.integers(5, 90), st.integers(1, 40))
@settings(max_examples=50)
def test_a_phone_that_stands_still_hears_and_echoes_what_it_would_have(at, frames):
    usual = in_time(FRAMES + 10)
    stalled = [max(n, at + frames) if at <= n else n for n in usual]
    heard, expected = play(in_time(FRAMES), stalled), play(in_time(FRAMES), usual)
    assert np.array_equal(heard, expected)
    assert np.array_equal(EchoPath(12, 20).push(heard), EchoPath(12, 20).push(expected))


def test_a_packet_that_comes_too_late_leaves_a_hole_and_moves_nothing():
    arrivals = in_time(FRAMES)
    arrivals[20] += 8
    heard = play(arrivals, in_time(FRAMES + 10))
    hole = slice(DELAY + 20 * FRAME_SAMPLES, DELAY + 21 * FRAME_SAMPLES)
    assert not heard[hole].any()
    heard[hole] = voice()[20 * FRAME_SAMPLES : 21 * FRAME_SAMPLES]
    assert np.array_equal(heard[DELAY : DELAY + len(voice())], voice())


def test_a_voice_that_stays_late_finds_a_new_place():
    arrivals = [n if n < 30 else n + 20 for n in range(FRAMES)]
    heard = play(arrivals, in_time(FRAMES + 40))
    lost = DELAY + 20 * FRAME_SAMPLES
    from_here = (30 + LOST_PLACE) * FRAME_SAMPLES
    assert np.array_equal(heard[lost + from_here : lost + len(voice())], voice()[from_here:])


def test_another_source_is_heard_from_its_first_packet():
    playout = PhonePlayout()
    sound = np.full(FRAME_SAMPLES, 500, np.int16)
    for n, (source, timestamp) in enumerate([(1, 0), (1, 160), (2, 3_000_000_000)]):
        playout.push(source, timestamp, sound, n * FRAME_SAMPLES)
        playout.pull()
    heard = np.concatenate([playout.pull() for _ in range(8)])
    assert np.count_nonzero(heard) == 3 * FRAME_SAMPLES


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.integers(0, 2**32 - 1),
            st.integers(0, 1500),
            st.integers(0, 10**9),
            st.booleans(),
        ),
        max_size=60,
    )
)
def test_whatever_comes_a_frame_is_heard(packets):
    playout = PhonePlayout()
    for source, timestamp, size, now, plays in packets:
        playout.push(source, timestamp, np.ones(size, np.int16), now)
        if plays:
            frame = playout.pull()
            assert frame.shape == (FRAME_SAMPLES,) and frame.dtype == np.int16
