"""Speech, silence, commit, reply: the phone hears it, and the latency adds up."""

from bridge.events import ReplyEnd, ReplyStart, TurnLatency
from bridge.turn.events import Commit
from tests.bridge.story import Story


def test_the_parts_of_turn_latency_add_up_to_what_the_caller_waited():
    story = Story()
    story.caller(200, speaks=False)
    story.caller(1000, speaks=True)
    story.caller(600, speaks=False)
    (commit,) = story.of(Commit)
    story.now += 0.130  # the model thinks
    story.reply(commit.turn, 400)
    story.now += 0.010  # until the next slot
    story.caller(600, speaks=False)

    (latency,) = story.of(TurnLatency)
    assert latency.turn == commit.turn
    assert latency.commit_ms == commit.at_ms - commit.speech_end_ms
    assert latency.model_ms >= 130
    assert round(latency.playout_ms) == 10
    parts = latency.commit_ms + latency.model_ms + latency.playout_ms
    assert latency.total_ms == parts


def test_a_reply_is_heard_whole_and_reported_from_start_to_end():
    story = Story()
    story.caller(1000, speaks=True)
    story.caller(700, speaks=False)
    turn = story.of(Commit)[0].turn
    story.reply(turn, 400)
    story.caller(600, speaks=False)
    assert story.audible() == 400
    assert [event.turn for event in story.of(ReplyStart)] == [turn]
    (end,) = story.of(ReplyEnd)
    assert (end.turn, end.heard_ms) == (turn, 400)
    assert story.leg.played[-1] == (turn, 400)


def test_a_commit_names_the_last_frame_that_the_model_was_sent():
    story = Story()
    story.caller(1000, speaks=True)
    story.caller(700, speaks=False)
    (commit,) = story.of(Commit)
    assert ("commit", commit.turn, commit.last_seq) in story.leg.asked
    assert commit.last_seq <= story.leg.appended[-1][0]
    assert commit.last_seq * 20 + 20 >= commit.speech_end_ms
