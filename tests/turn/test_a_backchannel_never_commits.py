import pytest

from bridge.turn.events import Backchannel, BargeInArmed, BargeInRejected, Commit
from bridge.turn.options import TurnOptions
from tests.turn.document import rule
from tests.turn.timeline import Timeline

rule(
    "An utterance shorter than `response_min_speech_ms` never commits while the agent has the "
    "floor, nor when it began while the agent had it: it is a `Backchannel`."
)
rule("With `short_answer_silence_ms` 0 no such utterance ever commits.")
STRICT = TurnOptions(short_answer_silence_ms=0)


@pytest.mark.parametrize("length", [20, 240, 580])
def test_the_strict_rule_asks_nothing_of_the_model(length):
    assert Timeline(caller=[(1000, 1000 + length)]).decisions(STRICT) == [
        Backchannel(at_ms=1000 + length + 500, speech_ms=length)
    ]


def test_every_mhm_far_from_the_next_is_one_of_its_own():
    call = Timeline(caller=[(1000, 1400), (2000, 2400), (3000, 3400)])
    assert call.decisions(STRICT) == [
        Backchannel(at_ms=1900, speech_ms=400),
        Backchannel(at_ms=2900, speech_ms=400),
        Backchannel(at_ms=3900, speech_ms=400),
    ]


@pytest.mark.parametrize("start", [1000, 2800, 2980, 3180])
def test_one_that_begins_while_the_agent_has_the_floor_is_not_an_answer(start):
    call = Timeline(caller=[(start, start + 240)], agent=[(0, 3000)])
    kinds = [type(event) for event in call.decisions()]
    assert kinds[-1] is Backchannel and Commit not in kinds
    assert set(kinds[:-1]) <= {BargeInArmed, BargeInRejected}


def test_one_that_the_agent_begins_to_speak_into_is_not_an_answer():
    kinds = [type(e) for e in Timeline(caller=[(800, 1200)], agent=[(1300, 5000)]).decisions()]
    assert kinds == [Backchannel]
