from bridge.turn.events import BargeInArmed, Cancel, Commit
from tests.turn.document import rule
from tests.turn.timeline import Timeline

rule("A cancel gives the floor to the caller until the agent has fallen silent and speaks again.")


def test_an_agent_that_plays_on_is_not_cancelled_again():
    call = Timeline(caller=[(2000, 3000), (4000, 5000)], agent=[(0, 9000)], agent_obeys=False)
    decisions = call.decisions()
    assert [e.at_ms for e in decisions if isinstance(e, Cancel)] == [2300]
    assert [e.at_ms for e in decisions if isinstance(e, Commit)] == [3500, 5500]


def test_its_next_reply_can_be_interrupted():
    call = Timeline(caller=[(2000, 3000), (6000, 7000)], agent=[(0, 5000), (5500, 9000)])
    assert [e for e in call.decisions() if isinstance(e, BargeInArmed | Cancel)] == [
        BargeInArmed(at_ms=2020),
        Cancel(at_ms=2300, turn=1),
        BargeInArmed(at_ms=6020),
        Cancel(at_ms=6300, turn=2),
    ]


def test_an_agent_that_never_falls_silent_is_taken_to_have_begun_anew():
    caller = [(2000, 3000), (13_000, 14_000)]
    decisions = Timeline(caller=caller, agent=[(0, 20_000)], agent_obeys=False).decisions()
    assert [e.at_ms for e in decisions if isinstance(e, Cancel)] == [2300, 13_300]
