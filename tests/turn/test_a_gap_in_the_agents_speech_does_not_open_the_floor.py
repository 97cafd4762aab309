from bridge.turn.events import Backchannel, BargeInArmed, BargeInRejected, Prime
from bridge.turn.options import TurnOptions
from tests.turn.document import rule
from tests.turn.timeline import Timeline

rule("The agent has the floor while it is audible and for `agent_tail_ms` after.")
rule("Speech that began while the agent had the floor becomes a turn only by a confirmed barge-in.")

LATE_MODEL = [(0, 2000), (2160, 5000)]


def test_a_burst_across_the_gap_stays_a_backchannel():
    assert Timeline(caller=[(1900, 2180)], agent=LATE_MODEL).decisions() == [
        BargeInArmed(at_ms=1920),
        BargeInRejected(at_ms=2380, speech_ms=280),
        Backchannel(at_ms=2380, speech_ms=280),
    ]


def test_speech_that_begins_in_the_gap_arms_when_the_agent_goes_on():
    decisions = Timeline(caller=[(2040, 2300)], agent=LATE_MODEL).decisions()
    assert decisions[0] == BargeInArmed(at_ms=2180)
    assert isinstance(decisions[1], BargeInRejected)


def test_a_rejected_burst_of_any_length_is_not_a_turn():
    options = TurnOptions(barge_confirm_ms=2000)
    decisions = Timeline(caller=[(1000, 2500)], agent=[(0, 5000)]).decisions(options)
    assert decisions == [BargeInArmed(at_ms=1020), BargeInRejected(at_ms=2700, speech_ms=1500)]


def test_without_a_tail_the_gap_opens_the_floor():
    options = TurnOptions(agent_tail_ms=0)
    call = Timeline(caller=[(2020, 2900)], agent=[(0, 2000), (2700, 5000)])
    assert Prime(at_ms=2620, turn=1, first_seq=83) in call.run(options)
