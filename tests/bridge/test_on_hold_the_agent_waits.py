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


def test_the_model_is_told_and_gets_no_audio_meanwhile():
    story = Story()
    story.caller(1000, speaks=False)
    story.bridge.hold(True)
    story.caller(5000, speaks=True)
    story.bridge.hold(True)  # sendonly became inactive: nothing new for the agent
    story.bridge.hold(False)
    story.caller(100, speaks=False)
    assert [asked for asked in story.leg.asked if asked[0] == "hold"] == [
        ("hold", True),
        ("hold", False),
    ]
    seqs = [seq for seq, _, _ in story.leg.appended]
    assert seqs == list(range(55)), "no gap that would look like a loss"
    timestamps = [timestamp for _, timestamp, _ in story.leg.appended]
    assert timestamps[50] - timestamps[49] == (5000 + 20) * 16


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
