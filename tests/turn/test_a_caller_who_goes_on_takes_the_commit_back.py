import pytest

from bridge.turn.events import Commit, Prime, Retract
from bridge.turn.options import TurnOptions
from tests.turn.document import rule
from tests.turn.timeline import Timeline

rule(
    "Speech that resumes after a `Commit` and before the first frame of the reply has left takes "
    "the commit back: `Retract`."
)
rule("The same turn is open again, primed as it was, and goes on under the next number.")
rule("A commit that was taken back does not count for the interval.")

PAUSE = [(1000, 2000), (2700, 3400)]


def test_one_turn_with_a_long_pause_is_committed_again_at_its_true_end():
    assert Timeline(caller=PAUSE, reply_ms=300).decisions() == [
        Prime(at_ms=1600, turn=1, first_seq=32),
        Commit(at_ms=2500, turn=1, speech_end_ms=2000, last_seq=124),
        Retract(at_ms=2720, turn=1, reopened=2),
        Commit(at_ms=3900, turn=2, speech_end_ms=3400, last_seq=194),
    ]


def test_a_short_word_after_the_pause_is_enough():
    call = Timeline(caller=[(1000, 2000), (2700, 2800)], reply_ms=300)
    assert call.decisions()[2:] == [
        Retract(at_ms=2720, turn=1, reopened=2),
        Commit(at_ms=3300, turn=2, speech_end_ms=2800, last_seq=164),
    ]


def test_once_the_reply_is_heard_the_commit_stands():
    decisions = Timeline(caller=PAUSE, reply_ms=180).decisions()
    assert [(type(e), e.turn) for e in decisions] == [
        *((Prime, 1), (Commit, 1)),
        *((Prime, 2), (Commit, 2)),
    ]


def test_so_it_does_when_the_agent_is_heard_at_all():
    decisions = Timeline(caller=PAUSE, agent=[(2600, 2640)]).decisions()
    assert not any(isinstance(event, Retract) for event in decisions)


def test_a_caller_with_many_long_pauses_still_has_one_turn():
    caller = [(start, start + 700) for start in range(1000, 7000, 1400)]
    decisions = Timeline(caller=caller, reply_ms=300).decisions()
    assert [type(event) for event in decisions] == [Prime, *(Commit, Retract) * 4, Commit]
    assert [event.turn for event in decisions if isinstance(event, Commit)] == [1, 2, 3, 4, 5]


def test_the_turn_after_it_has_a_number_and_a_beginning_of_its_own():
    decisions = Timeline(caller=[*PAUSE, (5400, 6400)], reply_ms=300).decisions()
    assert decisions[-2:] == [
        Prime(at_ms=6000, turn=3, first_seq=252),
        Commit(at_ms=6900, turn=3, speech_end_ms=6400, last_seq=344),
    ]


def test_switched_off_a_commit_stands_at_once():
    decisions = Timeline(caller=PAUSE, reply_ms=300).decisions(TurnOptions(continuation=False))
    assert not any(isinstance(event, Retract) for event in decisions)


@pytest.mark.parametrize(("resumes", "taken_back"), [(3400, True), (3600, False)])
def test_a_reply_that_never_comes_is_not_waited_for(resumes, taken_back):
    options = TurnOptions(reply_wait_ms=1000)
    decisions = Timeline(caller=[(1000, 2000), (resumes, resumes + 800)]).decisions(options)
    assert any(isinstance(event, Retract) for event in decisions) is taken_back
    assert isinstance(decisions[-1], Commit)
