"""A call on hold: nothing is said, nothing is lost, nobody is heard."""

from bridge.events import ReplyEnd
from bridge.turn.events import Commit
from tests.bridge.story import Story


def test_it_goes_on_with_the_word_that_it_was_at():
    story = Story()
    story.caller(1000, speaks=True)
    story.caller(700, speaks=False)
    story.reply(1, 2000)
    story.caller(1000, speaks=False)
    story.bridge.hold(True)
    before = len(story.sent)
    story.caller(5000, speaks=True)  # music
    assert story.audible(before) == 20  # the frame in which it fades
    story.bridge.hold(False)
    story.caller(2000, speaks=False)
    assert story.audible() == 2000 + 20
    assert [event.heard_ms for event in story.of(ReplyEnd)] == [2000]
    assert len(story.of(Commit)) == 1


def test_a_reply_that_comes_meanwhile_is_said_afterwards():
    story = Story()
    story.caller(1000, speaks=True)
    story.bridge.hold(True)
    story.caller(1000, speaks=True)
    story.reply(1, 500)
    story.caller(3000, speaks=False)
    assert story.audible() == 0
    story.bridge.hold(False)
    story.caller(1000, speaks=False)
    assert story.audible() == 500
