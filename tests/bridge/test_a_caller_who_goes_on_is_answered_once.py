"""A commit that is taken back leaves no trace on the line."""

from bridge.events import Cancelled, ReplyStart
from bridge.turn.events import Commit, Retract
from tests.bridge.story import SPEECH, Story


def goes_on(reply_ms: int) -> Story:
    """The model has sent this much of its reply, and the caller speaks before any of it leaves."""
    story = Story()
    story.caller(1000, speaks=True)
    story.caller(500, speaks=False)
    story.reply(story.of(Commit)[0].turn, reply_ms, ends=False)
    story.now += 0.020
    frame = story.bridge.at_ms
    story.bridge.hear(SPEECH, 0.95, -15.0, story.now)
    assert story.of(Retract)[0].at_ms == frame + 20
    return story


def test_nothing_of_the_first_reply_is_ever_heard():
    story = goes_on(reply_ms=400)
    story.reply(1, 400, first=400)
    story.caller(500, speaks=True)
    story.caller(2000, speaks=False)
    assert story.audible() == 0
    assert story.of(ReplyStart) == [] and story.of(Cancelled) == []


def test_the_model_learns_that_it_was_not_heard_and_is_asked_again_under_the_next_number():
    story = goes_on(reply_ms=400)
    story.caller(500, speaks=True)
    story.caller(700, speaks=False)
    first, second = story.of(Commit)
    assert story.leg.asked == [
        ("prime", 1),
        ("commit", 1, first.last_seq),
        ("cancel", 1, 0),
        ("commit", 2, second.last_seq),
    ]


def test_the_whole_turn_is_answered():
    story = goes_on(reply_ms=0)
    story.caller(500, speaks=True)
    story.caller(700, speaks=False)
    story.reply(2, 600)
    story.caller(1000, speaks=False)
    assert story.audible() == 600
    assert story.bridge.stats.retracts == 1


def test_once_its_first_frame_has_left_the_caller_interrupts():
    story = Story()
    story.caller(1000, speaks=True)
    story.caller(500, speaks=False)
    story.reply(1, 2000)
    story.caller(20, speaks=False)
    story.caller(600, speaks=True)
    assert story.of(Retract) == []
    assert [event.reply_turn for event in story.of(Cancelled)] == [1]
