import numpy as np
import pytest

from bridge.events import name_of
from bridge.replay import agent_turns, detect, heard_ms
from bridge.turn.options import TurnOptions
from tests.replay.calls import heard


def cancels(call) -> list[float]:
    return [e.at_ms for e in detect(call, TurnOptions()) if name_of(e) == "cancel"]


def test_one_turn_of_the_agent_is_cancelled_once_however_long_it_goes_on():
    call = heard(30, [(2000, 3000), (9000, 10_000), (20_000, 21_000)], agent=[(500, 28_000)])
    assert cancels(call) == [2300]


def test_the_detector_is_ready_again_at_the_agents_next_turn():
    call = heard(20, [(2000, 3000), (12_000, 13_000)], agent=[(500, 8000), (8200, 18_000)])
    assert cancels(call) == [2300, 12_300]


def test_the_caller_who_stopped_the_agent_is_answered_while_its_track_goes_on():
    call = heard(10, [(2000, 3000)], agent=[(500, 9000)])
    commits = [e.at_ms for e in detect(call, TurnOptions()) if name_of(e) == "commit"]
    assert commits == [3500]


def test_what_was_heard_counts_the_turn_that_is_cut():
    call = heard(20, [], agent=[(500, 8000), (8200, 18_000)])
    assert heard_ms(call, 2300) == 1800
    assert heard_ms(call, 9200) == 1000
    assert heard_ms(call, 400) == 0


@pytest.mark.parametrize(
    ("gap", "turns"), [(1599, [(800, 4799)]), (1600, [(800, 1600), (3200, 4800)])]
)
def test_zeros_of_200_ms_are_silence_and_shorter_ones_are_not(gap, turns):
    speaking = np.ones(800, np.int16)
    silence = np.zeros(800, np.int16)
    agent = np.concatenate([silence, speaking, np.zeros(gap, np.int16), 2 * speaking])
    agent = np.concatenate([agent, np.ones(800, np.int16), silence])
    assert agent_turns(agent) == turns


def test_an_agent_that_never_speaks_has_no_turns():
    assert agent_turns(np.zeros(8000, np.int16)) == []
    assert agent_turns(np.zeros(0, np.int16)) == []
