import pytest

from bridge.playout import Playout
from tests.playout.sound import FADE_STEP, STEEPEST, heard, largest_step, pull_all, tone


def _cut_after(frames: int, reply_ms: int, ends: bool = False):
    playout = Playout(max_secs=10)
    playout.push(1, tone(reply_ms))
    if ends:
        playout.end(1)
    said = pull_all(playout, frames)
    return playout, said, playout.cancel()


@pytest.mark.parametrize("reply_ms", [1000, 100])  # with audio left to fade, and without
def test_it_fades_within_5_ms_of_the_next_frame(reply_ms):
    playout, said, cut = _cut_after(5, reply_ms)
    last, *after = pull_all(playout, 5)
    assert cut == [(1, 100)]
    assert last.pcm[:40].any() and not last.pcm[40:].any()
    assert after == [None] * 4
    assert largest_step(heard([*said, last, *after])) <= STEEPEST + FADE_STEP


def test_the_fade_goes_on_with_what_would_have_come():
    playout, _, _ = _cut_after(5, 1000)
    frame = playout.pull()
    following = tone(1000)[800:840]
    assert abs(int(frame.pcm[0]) - int(following[0])) <= 1
    assert abs(int(frame.pcm[20]) - int(following[20]) * 19 // 39) <= 1


def test_heard_stays_what_the_cancel_reported():
    playout, _, cut = _cut_after(5, 1000)
    pull_all(playout)
    assert cut == [(1, playout.heard_ms(1))]


def test_the_last_frame_of_a_reply_is_not_cut():
    playout, said, cut = _cut_after(5, 100, ends=True)
    assert said[-1].ends_reply
    assert cut == []
    assert playout.pull() is None


def test_a_cut_reply_does_not_end():
    playout, _, _ = _cut_after(5, 1000)
    playout.end(1)
    assert not any(frame.ends_reply for frame in pull_all(playout) if frame is not None)


def test_every_reply_that_waits_is_cut():
    playout = Playout(max_secs=10)
    playout.push(1, tone(100))
    playout.push(2, tone(100))
    pull_all(playout, 2)
    assert playout.cancel() == [(1, 40), (2, 0)]


def test_a_reply_that_nobody_heard_is_cut_without_a_sound():
    playout = Playout(max_secs=10)
    playout.push(1, tone(100))
    assert playout.cancel() == [(1, 0)]
    assert pull_all(playout, 3) == [None] * 3


def test_nothing_to_cut():
    playout = Playout(max_secs=10)
    assert playout.cancel() == []
    assert playout.pull() is None
    assert playout.stats.cancels == 0
