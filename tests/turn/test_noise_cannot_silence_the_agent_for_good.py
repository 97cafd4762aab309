from bridge.turn.events import Commit, Prime
from bridge.turn.options import TurnOptions
from tests.turn.document import rule
from tests.turn.timeline import Timeline

rule("A turn that has lasted `max_turn_ms` commits though the caller still speaks.")


def test_endless_speech_commits_again_and_again():
    options = TurnOptions(max_turn_ms=5000)
    assert Timeline(caller=[(1000, 12_500)], ends=14_000).decisions(options) == [
        Prime(at_ms=1600, turn=1, first_seq=32),
        Commit(at_ms=6000, turn=1, speech_end_ms=6000, last_seq=299),
        Prime(at_ms=6600, turn=2, first_seq=300),
        Commit(at_ms=11_000, turn=2, speech_end_ms=11_000, last_seq=549),
        Prime(at_ms=11_600, turn=3, first_seq=550),
        Commit(at_ms=13_000, turn=3, speech_end_ms=12_500, last_seq=649),
    ]
