import pytest

from bridge.turn.events import Backchannel, BargeInArmed, BargeInRejected, Cancel
from bridge.turn.options import TurnOptions
from tests.turn.document import rule
from tests.turn.timeline import Timeline

rule("Speech while the agent is audible arms a barge-in: `BargeInArmed`, once for each.")
rule(
    "Silences up to `barge_gap_ms` are bridged and do not count; a longer one rejects it: "
    "`BargeInRejected`."
)


@pytest.mark.parametrize("length", [20, 240, 280])
def test_a_backchannel_is_over_before_it_is_confirmed(length):
    end = 2000 + length
    assert Timeline(caller=[(2000, end)], agent=[(0, 5000)]).decisions() == [
        BargeInArmed(at_ms=2020),
        BargeInRejected(at_ms=end + 200, speech_ms=length),
        Backchannel(at_ms=end + 200, speech_ms=length),
    ]


def test_many_of_them_do_not_add_up():
    caller = [(start, start + 280) for start in range(1000, 9000, 520)]
    decisions = Timeline(caller=caller, agent=[(0, 10_000)]).decisions()
    assert {type(event) for event in decisions} == {BargeInArmed, BargeInRejected, Backchannel}


def test_a_gap_within_an_interruption_is_bridged_but_is_not_speech():
    # "wait ... stop": 200 ms, 180 ms of silence, 200 ms
    decisions = Timeline(caller=[(2000, 2200), (2380, 2580)], agent=[(0, 5000)]).decisions()
    assert decisions[:2] == [BargeInArmed(at_ms=2020), Cancel(at_ms=2480, turn=1)]


def test_a_gap_that_is_not_bridged_rejects():
    options = TurnOptions(barge_gap_ms=100)
    call = Timeline(caller=[(2000, 2200), (2380, 2580)], agent=[(0, 5000)])
    assert [type(event) for event in call.decisions(options)] == [
        *(BargeInArmed, BargeInRejected, Backchannel),
        *(BargeInArmed, BargeInRejected, Backchannel),
    ]
