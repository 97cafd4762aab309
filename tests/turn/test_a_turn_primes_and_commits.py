from bridge.turn.events import Commit, Prime, SpeechEnd, SpeechStart
from bridge.turn.options import TurnOptions
from tests.turn.document import rule
from tests.turn.timeline import Timeline

rule(
    "A turn opens, with `Prime`, when the speech of an utterance reaches `response_min_speech_ms`."
)
rule("A turn ends, with `Commit`, when there was no speech for `silence_threshold_ms`.")
rule("the turn includes the silence that ended it")


def test_one_sentence_is_one_turn():
    assert Timeline(caller=[(1000, 2000)]).run() == [
        SpeechStart(at_ms=1020),
        Prime(at_ms=1600, turn=1, first_seq=32),
        SpeechEnd(at_ms=2060, speech_ms=1000),
        Commit(at_ms=2500, turn=1, speech_end_ms=2000, last_seq=124),
    ]


def test_the_thresholds_are_the_options():
    options = TurnOptions(response_min_speech_ms=200, silence_threshold_ms=300)
    assert Timeline(caller=[(1000, 2000)]).decisions(options) == [
        Prime(at_ms=1200, turn=1, first_seq=32),
        Commit(at_ms=2300, turn=1, speech_end_ms=2000, last_seq=114),
    ]


def test_speech_of_exactly_the_minimum_is_a_turn():
    assert Timeline(caller=[(1000, 1600)]).decisions() == [
        Prime(at_ms=1600, turn=1, first_seq=32),
        Commit(at_ms=2100, turn=1, speech_end_ms=1600, last_seq=104),
    ]


def test_no_minimum_primes_at_the_onset():
    options = TurnOptions(response_min_speech_ms=0)
    assert Timeline(caller=[(1000, 1020)]).decisions(options) == [
        Prime(at_ms=1020, turn=1, first_seq=32),
        Commit(at_ms=1520, turn=1, speech_end_ms=1020, last_seq=75),
    ]
