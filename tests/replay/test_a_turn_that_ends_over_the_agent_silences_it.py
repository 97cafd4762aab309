from bridge.events import name_of
from bridge.replay import detect
from bridge.turn.options import TurnOptions
from tests.replay.calls import heard


def test_as_on_a_live_call_once_and_not_at_its_next_turn():
    """The caller had begun first, and is done 100 ms after the agent came in."""
    call = heard(9, [(500, 1600)], agent=[(1500, 4000), (5000, 8000)])
    told = [(event.at_ms, name_of(event)) for event in detect(call, TurnOptions())]
    assert told[-2:] == [(2100, "cancel"), (2100, "commit")]
    assert [name for _, name in told].count("cancel") == 1
