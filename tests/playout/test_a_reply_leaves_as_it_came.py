import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.audio.frames import FRAME_SAMPLES
from bridge.playout import Playout
from tests.playout.sound import heard, pull_all, tone


@settings(deadline=None)
@given(st.lists(st.integers(0, 700), min_size=1, max_size=20))
def test_chunks_of_any_size_become_frames_without_a_change(sizes):
    rng = np.random.default_rng(3)
    reply = rng.integers(-32768, 32768, sum(sizes)).astype(np.int16)
    playout = Playout(max_secs=10)
    for start, size in zip(np.cumsum([0, *sizes]), sizes, strict=False):
        assert playout.push(1, reply[start : start + size])
    playout.end(1)
    frames = [frame for frame in pull_all(playout) if frame is not None]
    assert len(frames) == -(-len(reply) // FRAME_SAMPLES)
    if frames:
        said = heard(frames)
        assert said[: len(reply)].tolist() == reply.tolist()
        assert not said[len(reply) :].any()
    assert playout.heard_ms(1) == len(reply) // 8


def test_a_burst_and_its_marks():
    playout = Playout(max_secs=10)
    playout.push(1, tone(60))
    playout.end(1)
    frames = pull_all(playout, 4)
    assert frames[3] is None
    marks = [(f.turn, f.starts, f.starts_reply, f.ends_reply) for f in frames[:3]]
    assert marks == [
        (1, True, True, False),
        (1, False, False, False),
        (1, False, False, True),
    ]


def test_the_first_frame_does_not_wait_for_a_second():
    playout = Playout(max_secs=10)
    assert playout.pull() is None
    playout.push(1, tone(20))
    assert playout.waiting
    assert playout.pull().pcm.tolist() == tone(20).tolist()


def test_half_a_frame_waits_for_the_other_half():
    playout = Playout(max_secs=10)
    playout.push(1, tone(10))
    assert not playout.waiting
    assert playout.pull() is None
    playout.push(1, tone(20)[80:])
    assert playout.pull().pcm.tolist() == tone(20).tolist()


def test_heard_is_what_left_not_what_came():
    playout = Playout(max_secs=10)
    playout.push(1, tone(1000))
    pull_all(playout, 7)
    assert playout.heard_ms(1) == 140
    assert playout.buffered_ms == 860
    assert playout.heard_ms(2) == 0
