from bridge.turn.events import Backchannel, BargeInArmed, BargeInRejected, Cancel, Commit, Prime
from tests.turn.document import rule
from tests.turn.timeline import Timeline

rule(
    "When both begin at once, only speech over the agent counts for the barge-in, and all of it "
    "for the turn."
)
rule("A turn that was open when the agent began commits as any other.")
rule("Speech over the agent does not add to what was said before the agent began,")


def test_a_hello_that_the_greeting_runs_into_does_not_cut_the_greeting():
    assert Timeline(caller=[(800, 1200)], agent=[(1000, 3000)]).decisions() == [
        BargeInArmed(at_ms=1020),
        BargeInRejected(at_ms=1400, speech_ms=200),
        Backchannel(at_ms=1700, speech_ms=400),
    ]


def test_a_caller_who_goes_on_keeps_the_floor():
    assert Timeline(caller=[(800, 2200)], agent=[(1000, 3000)]).decisions() == [
        BargeInArmed(at_ms=1020),
        Cancel(at_ms=1300, turn=1),
        Prime(at_ms=1400, turn=1, first_seq=22),
        Commit(at_ms=2700, turn=1, speech_end_ms=2200, last_seq=134),
    ]


def test_a_turn_whose_last_word_the_agent_runs_into_is_not_lost():
    assert Timeline(caller=[(800, 2200)], agent=[(2000, 4000)]).decisions() == [
        Prime(at_ms=1400, turn=1, first_seq=22),
        BargeInArmed(at_ms=2020),
        BargeInRejected(at_ms=2400, speech_ms=200),
        Commit(at_ms=2700, turn=1, speech_end_ms=2200, last_seq=134),
    ]


def test_a_mhm_over_the_agent_does_not_complete_what_was_too_short_before():
    assert Timeline(caller=[(1000, 1400), (1700, 1980)], agent=[(1500, 4000)]).decisions() == [
        Backchannel(at_ms=1720, speech_ms=400),
        BargeInArmed(at_ms=1720),
        BargeInRejected(at_ms=2180, speech_ms=280),
        Backchannel(at_ms=2180, speech_ms=280),
    ]
