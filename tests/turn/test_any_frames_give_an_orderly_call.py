"""Whatever comes in, the events make sense and the detector comes to rest."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.turn.detector import TurnDetector
from bridge.turn.events import (
    BargeInArmed,
    BargeInRejected,
    Cancel,
    Commit,
    Prime,
    SpeechEnd,
    SpeechFrame,
    SpeechStart,
    TurnEvent,
)
from bridge.turn.options import TurnOptions
from tests.turn.document import rule

rule("After enough silence of both sides the detector is idle again, whatever came before.")
rule("Every `BargeInArmed` is followed by one `Cancel` or one `BargeInRejected`.")
rule("Time is the caller's sample clock: the same frames give the same events, live or replayed.")

unhurried = settings(deadline=None, max_examples=60)  # the machine may be busy

ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True)
OPTIONS = st.builds(
    TurnOptions,
    response_min_speech_ms=st.integers(0, 900),
    silence_threshold_ms=st.integers(100, 900),
    barge_confirm_ms=st.integers(0, 900),
    barge_gap_ms=st.integers(0, 900),
    commit_min_interval_ms=st.integers(0, 3000),
    max_turn_ms=st.integers(5000, 8000),
    agent_tail_ms=st.integers(0, 600),
    vad_threshold=st.floats(0.02, 0.98),
)
STRETCH = st.tuples(
    st.integers(1, 60),  # frames
    st.one_of(st.sampled_from([0.0, 1.0]), ANY_FLOAT),
    st.one_of(st.sampled_from([-96.0, -20.0]), ANY_FLOAT),
    st.booleans(),
    st.sampled_from([0, 0, 0, 0, 20, -5000, 600, 10**9]),  # how far the clock jumps
)


def _frames(stretches: list[tuple]) -> list[SpeechFrame]:
    frames, at_ms = [], 0
    for count, probability, level, audible, jump in [
        *stretches,
        (800, 0.0, -96.0, False, 0),  # 16 s: more than the longest interval, limit or tail
    ]:
        at_ms += jump
        for _ in range(count):
            at_ms += 20
            frames.append(SpeechFrame(at_ms, len(frames), probability, level, audible))
    return frames


def _run(options: TurnOptions, frames: list[SpeechFrame]) -> list[TurnEvent]:
    detector = TurnDetector(options)
    return [event for frame in frames for event in detector.push(frame)]


@unhurried
@given(OPTIONS, st.lists(STRETCH, max_size=25))
def test_time_goes_forward_and_turns_follow_each_other(options, stretches):
    events = _run(options, _frames(stretches))
    times = [event.at_ms for event in events]
    assert times == sorted(times)
    turns = [(type(event), event.turn) for event in events if isinstance(event, Prime | Commit)]
    assert turns == [
        (kind, number + 1) for number in range(len(turns) // 2) for kind in (Prime, Commit)
    ]


@unhurried
@given(OPTIONS, st.lists(STRETCH, max_size=25))
def test_commits_keep_their_interval(options, stretches):
    commits = [e for e in _run(options, _frames(stretches)) if isinstance(e, Commit)]
    for one, next_one in pairwise(commits):
        assert next_one.at_ms - one.at_ms >= options.commit_min_interval_ms


@unhurried
@given(OPTIONS, st.lists(STRETCH, max_size=25))
def test_every_armed_barge_in_is_decided_and_every_run_of_speech_ends(options, stretches):
    events = _run(options, _frames(stretches))
    for opening, closings in (
        (BargeInArmed, BargeInRejected | Cancel),
        (SpeechStart, SpeechEnd),
    ):
        kinds = [isinstance(e, opening) for e in events if isinstance(e, opening | closings)]
        assert kinds == [True, False] * (len(kinds) // 2)


@unhurried
@given(OPTIONS, st.lists(STRETCH, max_size=10))
def test_after_silence_a_sentence_gets_its_reply(options, stretches):
    frames = _frames(stretches)
    at_ms = max(frame.at_ms for frame in frames)
    sentence = [
        SpeechFrame(at_ms + 20 * n, len(frames) + n, float(n < 100), -20.0, False)
        for n in range(1, 400)
    ]
    detector = TurnDetector(options)
    for frame in frames:
        detector.push(frame)
    kinds = [type(event) for frame in sentence for event in detector.push(frame)]
    assert kinds == [SpeechStart, Prime, SpeechEnd, Commit]


@unhurried
@given(OPTIONS, st.lists(STRETCH, max_size=10))
def test_the_same_frames_give_the_same_events(options, stretches):
    frames = _frames(stretches)
    assert _run(options, frames) == _run(options, frames)
