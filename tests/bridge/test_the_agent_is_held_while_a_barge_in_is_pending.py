"""The bridge holds the agent as `barge_hold` says, and no word of it is lost."""

import numpy as np
import pytest

from bridge.agent import AgentSpec
from bridge.events import Cancelled
from bridge.turn.events import BargeInRejected, Commit
from bridge.turn.options import TurnOptions
from tests.bridge.story import Story
from tests.turn.document import rule

rule("While it is pending the agent goes on, goes on 12 dB quieter, or waits: `barge_hold`.")


def muttered_over(hold: str) -> Story:
    """A reply of 3 s with a burst of 240 ms over it."""
    turn = TurnOptions(barge_hold=hold)
    story = Story(AgentSpec(endpoint="quic://127.0.0.1:4433", turn=turn))
    story.caller(1000, speaks=True)
    story.caller(700, speaks=False)
    story.reply(story.of(Commit)[0].turn, 3000)
    story.caller(1000, speaks=False)
    story.caller(240, speaks=True)
    story.caller(3500, speaks=False)
    assert len(story.of(BargeInRejected)) == 1 and not story.of(Cancelled)
    return story


def loudness(story: Story) -> list[float]:
    return [
        0.0 if frame is None else float(np.sqrt(np.mean(frame.pcm.astype(float) ** 2)))
        for frame in story.sent
    ]


def test_talking_on_nothing_changes():
    levels = loudness(muttered_over("talk"))
    assert min(levels[90:140]) > 5000


def test_ducked_it_goes_on_quieter_and_then_as_before():
    story = muttered_over("duck")
    levels = loudness(story)
    pending = levels[138:150]
    assert max(pending) == pytest.approx(levels[120] / 4, rel=0.02)
    assert levels[170] == pytest.approx(levels[120], rel=0.02)
    assert story.audible() == 3000


def test_paused_it_falls_silent_and_goes_on_later_with_all_of_it():
    story = muttered_over("pause")
    assert story.sent[140:150] == [None] * 10
    assert story.bridge.playout.heard_ms(1) == 3000
    assert story.audible() == 3000 + 20  # the frame in which it fades


@pytest.mark.parametrize("hold", ["talk", "duck", "pause"])
def test_a_confirmed_barge_in_ends_the_hold_with_the_reply(hold):
    turn = TurnOptions(barge_hold=hold)
    story = Story(AgentSpec(endpoint="quic://127.0.0.1:4433", turn=turn))
    story.caller(1000, speaks=True)
    story.caller(700, speaks=False)
    story.reply(1, 3000)
    story.caller(1000, speaks=False)
    story.caller(1000, speaks=True)
    story.caller(700, speaks=False)
    assert len(story.of(Cancelled)) == 1
    before = len(story.sent)
    story.reply(2, 500)
    story.caller(1000, speaks=False)
    assert story.audible(before) == 500
    assert max(loudness(story)[before:]) > 5000
