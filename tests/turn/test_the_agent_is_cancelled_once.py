from bridge.turn.events import BargeInArmed, Cancel, Commit
from tests.turn.document import rule
from tests.turn.timeline import Timeline

rule("An agent that is still audible 1 s after a cancel is taken to have begun anew.")
rule("A cancel gives the floor to the caller until the agent has fallen silent and speaks again.")


def test_its_last_frames_are_not_cancelled_again():
    agent = [(0, 2400)]  # 100 ms more than it was to
    call = Timeline(caller=[(2000, 3000)], agent=agent, agent_obeys=False)
    assert [e.at_ms for e in call.decisions() if isinstance(e, Cancel)] == [2300]


def test_its_next_reply_can_be_interrupted():
    call = Timeline(caller=[(2000, 3000), (6000, 7000)], agent=[(0, 5000), (5500, 9000)])
    assert [e for e in call.decisions() if isinstance(e, BargeInArmed | Cancel)] == [
        BargeInArmed(at_ms=2020),
        Cancel(at_ms=2300, turn=1),
        BargeInArmed(at_ms=6020),
        Cancel(at_ms=6300, turn=2),
    ]


def test_an_agent_that_never_falls_silent_is_taken_to_have_begun_anew():
    caller = [(2000, 3000), (4000, 5000)]
    decisions = Timeline(caller=caller, agent=[(0, 9000)], agent_obeys=False).decisions()
    assert [e.at_ms for e in decisions if isinstance(e, Cancel)] == [2300, 4300]
    assert [e.at_ms for e in decisions if isinstance(e, Commit)] == [3500, 5500]
