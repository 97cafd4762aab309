"""A confirmed barge-in silences the line within a frame; the model learns where."""

from bridge.events import Cancelled
from bridge.turn.events import BargeInArmed, Commit
from tests.bridge.story import Story


def interrupted() -> Story:
    story = Story()
    story.caller(1000, speaks=True)
    story.caller(700, speaks=False)
    turn = story.of(Commit)[0].turn
    story.reply(turn, 5000, ends=False)
    story.caller(2000, speaks=False)
    story.caller(1200, speaks=True)
    return story


def test_the_line_is_silent_one_frame_after_the_cancel():
    story = interrupted()
    assert len(story.of(BargeInArmed)) == 1
    (cancelled,) = story.of(Cancelled)
    cancel_slot = cancelled.at_ms // 20
    fade, after = story.sent[cancel_slot], story.sent[cancel_slot + 1 :]
    assert fade is not None and not fade.pcm[40:].any()
    assert after and all(frame is None for frame in after)


def test_the_model_learns_the_milliseconds_that_really_left():
    story = interrupted()
    (cancelled,) = story.of(Cancelled)
    heard = 20 * sum(1 for frame in story.sent[: cancelled.at_ms // 20] if frame is not None)
    assert cancelled.heard_ms == heard
    assert ("cancel", cancelled.reply_turn, heard) in story.leg.asked


def test_what_the_model_still_sends_of_that_reply_is_never_heard():
    story = interrupted()
    before = len(story.sent)
    story.reply(story.of(Cancelled)[0].reply_turn, 1000, first=5000)
    story.caller(400, speaks=False)
    assert story.audible(before) == 0
    assert story.bridge.playout.stats.refused_stale > 0


def test_the_interruption_becomes_a_turn_of_its_own_and_is_answered():
    story = interrupted()
    story.caller(700, speaks=False)
    first, second = story.of(Commit)
    assert second.turn > first.turn
    before = len(story.sent)
    story.reply(second.turn, 400)
    story.caller(600, speaks=False)
    assert story.audible(before) == 400


def test_a_muttered_backchannel_leaves_the_agent_talking():
    story = Story()
    story.caller(1000, speaks=True)
    story.caller(700, speaks=False)
    story.reply(story.of(Commit)[0].turn, 3000)
    story.caller(1000, speaks=False)
    story.caller(200, speaks=True)
    story.caller(2500, speaks=False)
    assert story.of(Cancelled) == []
    assert story.audible() == 3000
    assert len(story.of(Commit)) == 1
