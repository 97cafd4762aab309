from bridge.turn.events import Commit, Prime
from tests.turn.document import rule
from tests.turn.timeline import Timeline

rule("Gaps shorter than `silence_threshold_ms` belong to the turn.")
rule("A dip shorter than 60 ms belongs to the speech around it.")


def test_a_pause_below_the_threshold_does_not_end_the_turn():
    assert Timeline(caller=[(1000, 1900), (2380, 2800)]).decisions() == [
        Prime(at_ms=1600, turn=1, first_seq=32),
        Commit(at_ms=3300, turn=1, speech_end_ms=2800, last_seq=164),
    ]


def test_words_that_are_short_alone_make_a_turn_together():
    # "four" ... "two" ... "seven": 240 ms each, without their pauses 720
    assert Timeline(caller=[(1000, 1240), (1600, 1840), (2200, 2440)]).decisions() == [
        Prime(at_ms=2320, turn=1, first_seq=32),
        Commit(at_ms=2940, turn=1, speech_end_ms=2440, last_seq=146),
    ]


def test_a_pause_of_the_threshold_ends_the_turn():
    first, *_ = (e for e in Timeline(caller=[(1000, 1900), (2400, 3100)]).run() if _is_commit(e))
    assert first == Commit(at_ms=2400, turn=1, speech_end_ms=1900, last_seq=119)


def test_a_dip_within_a_word_counts_as_speech():
    # 40 ms of stop consonant: 580 + 40 + 20 make 600 with the first frame after it
    decisions = Timeline(caller=[(1000, 1540), (1580, 1700)]).decisions()
    assert decisions[0] == Prime(at_ms=1600, turn=1, first_seq=32)


def _is_commit(event: object) -> bool:
    return isinstance(event, Commit)
