from bridge.turn.events import Commit, Prime
from bridge.turn.options import TurnOptions
from tests.turn.document import rule
from tests.turn.timeline import Timeline

rule("Two commits that stand are at least `commit_min_interval_ms` apart.")
rule("A turn that ends earlier commits as soon as the interval is over.")


def test_a_turn_that_ends_early_waits_for_the_interval_and_is_not_lost():
    assert Timeline(caller=[(1000, 1700), (2260, 2900)], reply_ms=20).decisions() == [
        Prime(at_ms=1600, turn=1, first_seq=32),
        Commit(at_ms=2200, turn=1, speech_end_ms=1700, last_seq=109),
        Prime(at_ms=2860, turn=2, first_seq=110),
        Commit(at_ms=3700, turn=2, speech_end_ms=2900, last_seq=184),
    ]


def test_without_an_interval_it_commits_after_its_silence():
    call = Timeline(caller=[(1000, 1700), (2260, 2900)], reply_ms=20)
    commits = [e for e in call.run(TurnOptions(commit_min_interval_ms=0)) if isinstance(e, Commit)]
    assert [commit.at_ms for commit in commits] == [2200, 3400]


def test_what_is_said_while_a_commit_waits_belongs_to_the_turn():
    call = Timeline(caller=[(1000, 1700), (2260, 2900), (3600, 3700)], reply_ms=20)
    commits = [e for e in call.run() if isinstance(e, Commit)]
    assert commits[1] == Commit(at_ms=4200, turn=2, speech_end_ms=3700, last_seq=209)
