from bridge.turn.events import Prime
from bridge.turn.options import TurnOptions
from tests.turn.timeline import Timeline


def _first_seqs(call: Timeline, padding_ms: int) -> list[int]:
    events = call.run(TurnOptions(prefix_padding_ms=padding_ms))
    return [event.first_seq for event in events if isinstance(event, Prime)]


def test_padding_and_the_lag_of_the_vad_count_to_the_turn():
    call = Timeline(caller=[(1000, 2000)])  # the onset is frame 50
    assert _first_seqs(call, padding_ms=0) == [47]
    assert _first_seqs(call, padding_ms=300) == [32]


def test_not_before_the_call():
    assert _first_seqs(Timeline(caller=[(100, 1000)]), padding_ms=2000) == [0]


def test_not_before_the_end_of_the_turn_before():
    call = Timeline(caller=[(1000, 2000), (2600, 3500)], reply_ms=40)  # committed with frame 124
    assert _first_seqs(call, padding_ms=2000) == [0, 125]
