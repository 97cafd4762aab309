import pytest

from bridge.turn.events import Commit, Retract
from bridge.turn.options import TurnOptions
from tests.turn.document import rule
from tests.turn.timeline import Timeline

rule("The silence is 200 ms less than such a pause,")
rule("It stays between `adaptive_min_ms` and `adaptive_max_ms`.")
rule("that opens a turn within 1.5 s of the end of the one before: that caller was cut off.")
ADAPTIVE = TurnOptions(endpointing="adaptive")


def _speaks_with_pauses_of(pause_ms: int, words: int = 20) -> list[tuple[int, int]]:
    return [(n * (700 + pause_ms), n * (700 + pause_ms) + 700) for n in range(words)]


def _waits(call: Timeline, options: TurnOptions) -> list[int]:
    """The silence before each commit."""
    return [e.at_ms - e.speech_end_ms for e in call.run(options) if isinstance(e, Commit)]


@pytest.mark.parametrize(("pause_ms", "waits_ms"), [(300, 300), (520, 320), (600, 400), (800, 600)])
def test_each_caller_is_replied_to_as_soon_as_its_pauses_allow(pause_ms, waits_ms):
    call = Timeline(caller=_speaks_with_pauses_of(pause_ms), reply_ms=400)
    assert _waits(call, ADAPTIVE)[-1] == waits_ms


def test_who_is_cut_off_is_waited_for_the_next_time():
    call = Timeline(caller=_speaks_with_pauses_of(1000), reply_ms=400)
    assert _waits(call, ADAPTIVE)[0] == 500  # its reply is heard before the caller goes on
    assert _waits(call, ADAPTIVE)[-1] == 800


def test_an_answer_to_the_agent_is_no_pause():
    sentences = [(n * 4000, n * 4000 + 1000) for n in range(8)]
    call = Timeline(caller=sentences, reply_ms=400)
    assert set(_waits(call, ADAPTIVE)) == {500}


@pytest.mark.parametrize(("continuation", "waits_ms"), [(True, 300), (False, 460)])
def test_where_commits_always_stand_the_whole_pause_is_waited_for(continuation, waits_ms):
    options = TurnOptions(endpointing="adaptive", continuation=continuation)
    call = Timeline(caller=_speaks_with_pauses_of(400))
    assert _waits(call, options)[-1] == waits_ms


@pytest.mark.parametrize(("pause_ms", "waits_ms"), [(200, 440), (1000, 700)])
def test_within_its_limits(pause_ms, waits_ms):
    options = TurnOptions(endpointing="adaptive", adaptive_min_ms=440, adaptive_max_ms=700)
    call = Timeline(caller=_speaks_with_pauses_of(pause_ms), reply_ms=400)
    assert _waits(call, options)[-1] == waits_ms


def test_a_new_call_begins_with_the_usual_silence():
    assert _waits(Timeline(caller=[(1000, 2000)]), ADAPTIVE) == [500]


def test_fixed_it_stays_as_it_is():
    call = Timeline(caller=_speaks_with_pauses_of(700), reply_ms=300)
    assert set(_waits(call, TurnOptions())) == {500}
    assert sum(isinstance(event, Retract) for event in call.run()) == 19
