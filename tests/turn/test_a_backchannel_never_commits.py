import pytest

from bridge.turn.events import Backchannel
from tests.turn.document import rule
from tests.turn.timeline import Timeline

rule("An utterance shorter than `response_min_speech_ms` never commits: it is a `Backchannel`.")


@pytest.mark.parametrize("length", [20, 240, 580])
def test_a_short_burst_asks_nothing_of_the_model(length):
    assert Timeline(caller=[(1000, 1000 + length)]).decisions() == [
        Backchannel(at_ms=1000 + length + 500, speech_ms=length)
    ]


def test_every_mhm_far_from_the_next_is_one_of_its_own():
    call = Timeline(caller=[(1000, 1400), (2000, 2400), (3000, 3400)])
    assert call.decisions() == [
        Backchannel(at_ms=1900, speech_ms=400),
        Backchannel(at_ms=2900, speech_ms=400),
        Backchannel(at_ms=3900, speech_ms=400),
    ]
