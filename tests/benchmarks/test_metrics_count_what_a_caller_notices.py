import numpy as np

from benchmarks.labelled_calls import LabelledCall, Span, Turn
from benchmarks.turn_metrics import Tally, score
from bridge.replay import Recording
from bridge.turn.events import Cancel, Commit, Retract

NOTHING = Recording(np.zeros(0, np.int16), np.zeros(0, np.int16))


def commit(at_ms: int, turn: int = 1) -> Commit:
    return Commit(at_ms, turn, at_ms - 500, at_ms // 20)


def row(events, turns=(), backchannels=(), barge_ins=(), agent_turns=()):
    call = LabelledCall(
        "", NOTHING, list(turns), list(backchannels), list(barge_ins), list(agent_turns)
    )
    tally = Tally()
    score(call, events, tally)
    return tally.row()


TURN = Turn(1000, 5000, (Span(2000, 2700),))


def test_a_turn_that_is_committed_after_its_end():
    seen = row([commit(5540)], [TURN])
    assert seen["endpointing_p50_ms"] == 540
    for what in ("cut_off_pct", "heard_cut_off_pct", "replied_into_pct", "missed_turn_pct"):
        assert seen[what] == 0


def test_a_commit_in_a_pause_that_is_taken_back_is_a_cut_off_that_nobody_heard():
    seen = row([commit(2560), Retract(2780, 1, 2), commit(5540, 2)], [TURN])
    assert (seen["cut_off_pct"], seen["heard_cut_off_pct"], seen["replied_into_pct"]) == (100, 0, 0)
    assert (seen["missed_turn_pct"], seen["endpointing_p50_ms"]) == (0, 540)


def test_a_reply_that_leaves_in_the_pause_is_heard():
    seen = row([commit(2380), commit(5540, 2)], [TURN])
    assert (seen["heard_cut_off_pct"], seen["replied_into_pct"]) == (100, 100)
    # 300 ms later the caller is just going on.
    assert row([commit(2400), commit(5540, 2)], [TURN])["heard_cut_off_pct"] == 0


def test_a_commit_that_came_of_the_pause_before_belongs_to_it():
    seen = row([commit(2760), commit(5540, 2)], [TURN])
    assert (seen["heard_cut_off_pct"], seen["replied_into_pct"]) == (0, 100)


def test_a_commit_in_the_middle_of_a_phrase_is_heard_unless_taken_back():
    assert row([commit(4000)], [TURN])["heard_cut_off_pct"] == 100
    assert row([commit(4000), Retract(4100, 1, 2)], [TURN])["heard_cut_off_pct"] == 0


def test_a_turn_without_a_commit_that_stands_is_missed():
    assert row([], [TURN])["missed_turn_pct"] == 100
    assert row([commit(7620)], [TURN])["missed_turn_pct"] == 100
    assert row([commit(5540), Retract(5600, 1, 2)], [TURN])["missed_turn_pct"] == 100
    assert "missed_turn_pct" not in row([], [Turn(1000, 1600)])


def test_a_short_answer_is_answered_or_not():
    answer = Turn(1000, 1300, short=True)
    assert row([commit(2200)], [answer])["answered_pct"] == 100
    assert row([], [answer])["answered_pct"] == 0


AGENT = [Span(0, 6000), Span(7000, 9000)]


def test_a_cancel_that_a_burst_caused_is_no_false_barge_in():
    seen = row([Cancel(2300, 1)], backchannels=[Span(2000, 2400)], agent_turns=AGENT)
    assert (seen["suppressed_pct"], seen["false_barge_in_pct"]) == (0, 0)


def test_a_cancel_without_speech_is_false_and_its_agent_shows_nothing_of_later_bursts():
    bursts = [Span(3000, 3400), Span(7500, 7800)]
    seen = row([Cancel(1000, 1)], backchannels=bursts, agent_turns=AGENT)
    assert seen["false_barge_in_pct"] == 50
    assert (seen["n"], seen["suppressed_pct"]) == (1, 100)


def test_a_barge_in_is_timed_from_its_onset():
    spoken = Turn(2000, 4000)
    seen = row([Cancel(2560, 1), commit(4500)], [spoken], barge_ins=[spoken], agent_turns=AGENT)
    assert (seen["missed_barge_in_pct"], seen["confirm_p50_ms"]) == (0, 560)
    late = row([Cancel(4600, 1)], [spoken], barge_ins=[spoken], agent_turns=AGENT)
    assert late["missed_barge_in_pct"] == 100


def test_a_reply_to_an_agent_that_was_alone_is_a_false_turn():
    assert row([commit(5000)], agent_turns=AGENT)["false_turn_pct"] == 50
