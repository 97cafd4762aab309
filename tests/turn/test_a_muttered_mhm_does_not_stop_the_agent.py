import pytest

from bridge.turn.events import Backchannel, BargeInArmed, BargeInRejected, Cancel
from bridge.turn.options import TurnOptions
from tests.turn.document import rule
from tests.turn.timeline import Says, Timeline

rule("Speech while the agent is audible arms a barge-in: `BargeInArmed`, once for each.")
rule("Silences up to `barge_gap_ms` are bridged; a longer one rejects it: `BargeInRejected`.")
rule("At least half of that time must be speech.")


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


def test_a_gap_within_an_interruption_is_bridged():
    # "wait ... stop": 200 ms, 180 ms of silence, 200 ms
    decisions = Timeline(caller=[(2000, 2200), (2380, 2580)], agent=[(0, 5000)]).decisions()
    assert decisions[:2] == [BargeInArmed(at_ms=2020), Cancel(at_ms=2400, turn=1)]


def test_clicks_that_are_mostly_silence_do_not_interrupt():
    clicks = [(start, start + 60) for start in range(2000, 4000, 240)]
    decisions = Timeline(caller=clicks, agent=[(0, 9000)]).decisions()
    assert not any(isinstance(event, Cancel) for event in decisions)


def test_the_quiet_end_of_a_burst_does_not_lengthen_it():
    # The VAD lets go late: 260 ms, and 80 ms that it still takes for speech.
    burst = [Says(2000, 2260), Says(2260, 2340, level_dbfs=-40, probability=0.6)]
    decisions = Timeline(caller=burst, agent=[(0, 5000)]).decisions()
    assert not any(isinstance(event, Cancel) for event in decisions)


def test_a_gap_that_is_not_bridged_rejects():
    options = TurnOptions(barge_gap_ms=100)
    call = Timeline(caller=[(2000, 2200), (2380, 2580)], agent=[(0, 5000)])
    assert [type(event) for event in call.decisions(options)] == [
        *(BargeInArmed, BargeInRejected, Backchannel),
        *(BargeInArmed, BargeInRejected, Backchannel),
    ]
