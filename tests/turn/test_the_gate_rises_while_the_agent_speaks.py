import math

import pytest

from bridge.turn.events import BargeInArmed, Commit, SpeechStart
from bridge.turn.options import TurnOptions
from tests.turn.document import rule
from tests.turn.timeline import Says, Timeline

rule(
    "A frame is speech when its probability reaches `vad_threshold` and its level reaches the gate."
)
rule("Speech goes on while the probability stays above `vad_threshold` less 0.15")
rule(
    "The gate is `quiet_gate_dbfs`, and `agent_gate_dbfs` while the agent is audible and for "
    "`agent_tail_ms` after."
)

GATES = TurnOptions(quiet_gate_dbfs=-50, agent_gate_dbfs=-40)


def test_the_agents_own_echo_below_the_raised_gate_is_not_speech():
    echo = Says(1000, 5200, level_dbfs=-41)
    assert Timeline(caller=[echo], agent=[(1000, 5000)]).run(GATES) == []


def test_a_caller_above_it_is():
    call = Timeline(caller=[Says(2000, 3000, level_dbfs=-39)], agent=[(1000, 5000)])
    assert BargeInArmed(at_ms=2020) in call.run(GATES)


def test_the_same_voice_is_heard_when_the_agent_is_silent():
    call = Timeline(caller=[Says(2000, 3000, level_dbfs=-41)])
    assert [e.at_ms for e in call.run(GATES) if isinstance(e, Commit)] == [3500]


def test_line_noise_below_the_quiet_gate_is_not_speech():
    assert Timeline(caller=[Says(2000, 3000, level_dbfs=-51)]).run(GATES) == []


@pytest.mark.parametrize(("probability", "heard"), [(0.49, False), (0.5, True), (math.nan, False)])
def test_a_run_begins_at_the_threshold(probability, heard):
    events = Timeline(caller=[Says(1000, 2000, probability=probability)]).run()
    assert any(isinstance(event, SpeechStart) for event in events) is heard


@pytest.mark.parametrize(("probability", "end"), [(0.36, 2000), (0.34, 1700)])
def test_a_run_goes_on_until_well_below_it(probability, end):
    call = Timeline(caller=[(1000, 1700), Says(1700, 2000, probability=probability)])
    assert [e.speech_end_ms for e in call.run() if isinstance(e, Commit)] == [end]


def test_a_quiet_moment_within_a_word_does_not_end_the_run():
    call = Timeline(caller=[(1000, 1300), Says(1300, 1380, level_dbfs=-80), (1380, 1800)])
    assert len([e for e in call.run() if isinstance(e, SpeechStart)]) == 1


def test_the_lowest_threshold_still_lets_speech_end():
    call = Timeline(caller=[Says(1000, 2000, probability=0.06), Says(2000, 4000, probability=0.02)])
    assert [e.at_ms for e in call.run(TurnOptions(vad_threshold=0.05))][-1] == 2500
