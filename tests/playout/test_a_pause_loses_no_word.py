import numpy as np
import pytest

from bridge.playout import Playout
from tests.playout.sound import FADE_STEP, STEEPEST, heard, largest_step, pull_all, tone


def _paused(after: int, slots: int, reply_ms: int = 1000):
    """A reply that is paused after some frames, for some slots."""
    playout = Playout(max_secs=10)
    playout.push(1, tone(reply_ms))
    playout.end(1)
    before = pull_all(playout, after)
    playout.speak("pause")
    during = pull_all(playout, slots)
    playout.speak("talk")
    return playout, before, during


def test_it_fades_within_5_ms_and_then_nothing_is_said():
    _, before, (fade, *silence) = _paused(after=10, slots=5)
    assert fade.pcm[:40].any() and not fade.pcm[40:].any()
    assert silence == [None] * 4
    assert largest_step(heard([*before, fade])) <= STEEPEST + FADE_STEP


def test_it_goes_on_with_the_very_next_sample():
    playout, before, _ = _paused(after=10, slots=5)
    after = pull_all(playout, 60)
    said = np.concatenate((heard(before), heard([f for f in after if f is not None])))
    whole = tone(1000)
    assert len(said) == len(whole)
    assert np.array_equal(np.delete(said, range(1600, 1640)), np.delete(whole, range(1600, 1640)))
    assert after[0].starts and not after[0].starts_reply
    assert playout.heard_ms(1) == 1000


def test_nothing_clicks():
    playout, before, during = _paused(after=10, slots=5)
    assert largest_step(heard([*before, *during, *pull_all(playout, 30)])) <= STEEPEST + FADE_STEP


def test_a_pause_of_one_frame():
    playout, before, during = _paused(after=10, slots=1)
    rest = pull_all(playout, 60)
    assert sum(frame is not None for frame in rest) == 40
    assert largest_step(heard([*before, *during, *rest[:30]])) <= STEEPEST + FADE_STEP


def test_nothing_waits_for_its_slot_while_paused():
    playout = Playout(max_secs=10)
    playout.push(1, tone(1000))
    playout.speak("pause")
    assert not playout.waiting and playout.pull() is None
    playout.speak("talk")
    assert playout.waiting and playout.pull().starts_reply


def test_a_cancel_in_the_pause_makes_no_sound():
    playout, _, _ = _paused(after=10, slots=5)
    playout.speak("pause")
    assert playout.cancel() == [(1, 200)]
    playout.speak("talk")
    assert pull_all(playout, 5) == [None] * 5


def test_a_cancel_before_the_pause_was_heard_fades_once():
    playout = Playout(max_secs=10)
    playout.push(1, tone(1000))
    pull_all(playout, 10)
    playout.speak("pause")
    playout.cancel()
    fade, *rest = pull_all(playout, 5)
    assert not fade.pcm[40:].any() and rest == [None] * 4


@pytest.mark.parametrize("frames", [1, 3])
def test_ducked_it_is_12_db_quieter_without_a_click(frames):
    playout = Playout(max_secs=10)
    playout.push(1, tone(1000))
    playout.end(1)
    said = pull_all(playout, 10)
    playout.speak("duck")
    said += pull_all(playout, frames)
    playout.speak("talk")
    said += pull_all(playout, 40 - frames)
    sound = heard([frame for frame in said if frame is not None])
    whole = tone(1000)
    assert largest_step(sound[:7900]) <= STEEPEST
    assert np.array_equal(sound[: 10 * 160], whole[: 10 * 160])
    after = (11 + frames) * 160
    assert np.array_equal(sound[after:7900], whole[after:7900])
    if frames > 1:
        quiet = slice(11 * 160, (10 + frames) * 160)
        assert np.allclose(sound[quiet], whole[quiet] / 3.98, atol=2)
