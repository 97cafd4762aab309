from bridge.events import name_of
from bridge.replay import detect
from bridge.turn.options import TurnOptions
from tests.replay.calls import heard

OPTIONS = TurnOptions(silence_threshold_ms=500, commit_min_interval_ms=0)


def turns(resumes_ms: int, reply_ms: int = 300) -> list[tuple[float, str]]:
    """The caller speaks from 1 s to 2 s, and again from `resumes_ms` for a second."""
    call = heard(8, [(1000, 2000), (resumes_ms, resumes_ms + 1000)])
    told = ("commit", "retract")
    events = detect(call, OPTIONS, reply_ms)
    return [(event.at_ms, name_of(event)) for event in events if name_of(event) in told]


def test_speech_that_resumes_before_the_reply_is_heard_takes_the_commit_back():
    # The commit is at 2.5 s and the reply leaves at 2.8 s.
    assert turns(resumes_ms=2780) == [(2500, "commit"), (2800, "retract"), (4280, "commit")]


def test_speech_that_resumes_later_is_a_new_turn():
    assert turns(resumes_ms=2800) == [(2500, "commit"), (4300, "commit")]


def test_a_slower_reply_leaves_more_time():
    assert turns(resumes_ms=3480, reply_ms=1000)[1] == (3500, "retract")
    assert turns(resumes_ms=3500, reply_ms=1000)[1][1] == "commit"


def test_the_reply_is_over_at_once_and_cannot_be_interrupted():
    call = heard(8, [(1000, 2000), (2840, 3840)])
    names = {name_of(event) for event in detect(call, OPTIONS, 300)}
    assert not names & {"barge_in_armed", "cancel", "retract"}


def test_a_commit_that_was_taken_back_has_no_reply():
    # Committed at 2.5 s, taken back at 2.62 s; its reply would have left at 2.8 s.
    call = heard(9, [(1000, 2000), (2600, 3600), (4380, 5380)])
    told = [(e.at_ms, name_of(e)) for e in detect(call, OPTIONS, 300)]
    assert [(at, name) for at, name in told if name in ("commit", "retract")] == [
        (2500, "commit"),
        (2620, "retract"),
        (4100, "commit"),
        (4400, "retract"),
        (5880, "commit"),
    ]
