from bridge.turn.events import Backchannel, BargeInArmed, BargeInRejected, Commit, Prime
from bridge.turn.options import TurnOptions
from tests.turn.document import rule
from tests.turn.timeline import Timeline

rule("An agent that comes to its end while a barge-in is pending leaves the floor to the caller:")


def test_a_caller_who_speaks_over_its_last_word_gets_a_reply():
    options = TurnOptions(barge_confirm_ms=500)
    assert Timeline(caller=[(2900, 4000)], agent=[(1000, 3000)]).decisions(options) == [
        BargeInArmed(at_ms=2920),
        BargeInRejected(at_ms=3220, speech_ms=320),
        Prime(at_ms=3500, turn=1, first_seq=127),
        Commit(at_ms=4500, turn=1, speech_end_ms=4000, last_seq=224),
    ]


def test_a_prompt_answer_arms_nothing():
    assert Timeline(caller=[(3100, 4000)], agent=[(1000, 3000)]).decisions() == [
        Prime(at_ms=3700, turn=1, first_seq=137),
        Commit(at_ms=4500, turn=1, speech_end_ms=4000, last_seq=224),
    ]


def test_a_mhm_at_its_last_word_is_a_backchannel():
    assert Timeline(caller=[(2900, 3140)], agent=[(1000, 3000)]).decisions() == [
        BargeInArmed(at_ms=2920),
        BargeInRejected(at_ms=3220, speech_ms=240),
        Backchannel(at_ms=3640, speech_ms=240),
    ]
