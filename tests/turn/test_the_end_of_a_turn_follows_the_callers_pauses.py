import pytest

from bridge.turn.events import Commit, Retract
from bridge.turn.options import TurnOptions
from tests.turn.document import rule
from tests.turn.timeline import Timeline

rule("It is then 60 ms more than nine tenths of the pauses that the caller has made inside turns,")
rule("between `adaptive_min_ms` and `adaptive_max_ms`.")
ADAPTIVE = TurnOptions(endpointing="adaptive")


def _speaks_with_pauses_of(pause_ms: int, words: int = 20) -> list[tuple[int, int]]:
    return [(n * (400 + pause_ms), n * (400 + pause_ms) + 400) for n in range(words)]


def _waits(call: Timeline, options: TurnOptions) -> list[int]:
    """The silence before each commit."""
    return [e.at_ms - e.speech_end_ms for e in call.run(options) if isinstance(e, Commit)]


@pytest.mark.parametrize(("pause_ms", "waits_ms"), [(200, 300), (300, 360), (400, 460), (440, 500)])
def test_a_caller_with_short_pauses_is_replied_to_sooner(pause_ms, waits_ms):
    call = Timeline(caller=_speaks_with_pauses_of(pause_ms))
    assert _waits(call, ADAPTIVE) == [waits_ms]


def test_a_caller_with_long_pauses_is_left_to_finish():
    call = Timeline(caller=_speaks_with_pauses_of(700), reply_ms=300)
    assert _waits(call, ADAPTIVE)[-1] == 760
    fixed = _waits(call, TurnOptions())
    assert len(_waits(call, ADAPTIVE)) < len(fixed) == 19


@pytest.mark.parametrize(("pause_ms", "waits_ms"), [(200, 500), (700, 700)])
def test_within_its_limits(pause_ms, waits_ms):
    options = TurnOptions(endpointing="adaptive", adaptive_min_ms=500, adaptive_max_ms=700)
    call = Timeline(caller=_speaks_with_pauses_of(pause_ms), reply_ms=300)
    assert _waits(call, options)[-1] == waits_ms


def test_a_new_call_begins_with_the_usual_silence():
    call = Timeline(caller=[(1000, 2000)])
    assert _waits(call, ADAPTIVE) == [500]


def test_fixed_it_stays_as_it_is():
    call = Timeline(caller=_speaks_with_pauses_of(200))
    assert _waits(call, TurnOptions()) == [500]
    call = Timeline(caller=_speaks_with_pauses_of(700), reply_ms=300)
    assert set(_waits(call, TurnOptions())) == {500}
    assert sum(isinstance(event, Retract) for event in call.run()) == 18
