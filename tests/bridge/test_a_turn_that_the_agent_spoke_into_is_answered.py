"""Simultaneous start: what the agent was saying did not know of the caller's turn."""

from bridge.events import Cancelled
from bridge.turn.events import Commit
from tests.bridge.story import Story


def test_the_greeting_ends_with_the_turn_and_the_model_learns_where():
    story = Story()
    story.caller(1400, speaks=True)
    story.reply(0, 5000, ends=False)  # it begins while the caller has 200 ms to go
    story.caller(200, speaks=True)
    story.caller(500, speaks=False)
    (commit,) = story.of(Commit)
    (cut,) = story.of(Cancelled)
    assert (cut.reply_turn, cut.heard_ms, cut.at_ms) == (0, 700, commit.at_ms)
    assert story.leg.asked[-2:] == [("cancel", 0, 700), ("commit", 1, commit.last_seq)]
    before = len(story.sent)
    story.reply(1, 400)
    story.caller(800, speaks=False)
    assert story.audible(before) == 400 + 20  # after the fade of the greeting


def test_a_short_hello_leaves_the_greeting_alone():
    story = Story()
    story.caller(300, speaks=True)
    story.reply(0, 3000)
    story.caller(200, speaks=True)
    story.caller(3500, speaks=False)
    assert story.audible() == 3000
    assert story.of(Cancelled) == []
