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
    NoInput,
    Prime,
    Retract,
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
    short_answer_silence_ms=st.integers(0, 1500),
    short_answer_min_speech_ms=st.integers(0, 300),
    continuation=st.booleans(),
    reply_wait_ms=st.integers(500, 4000),
    barge_hold=st.sampled_from(["talk", "duck", "pause"]),
    endpointing=st.sampled_from(["fixed", "adaptive"]),
    no_input_secs=st.sampled_from([0.0, 0.01, 3.0]),
    agent_tail_ms=st.integers(0, 600),
    vad_threshold=st.floats(0.02, 0.98),
)
STRETCH = st.tuples(
    st.integers(1, 60),  # frames
    st.one_of(st.sampled_from([0.0, 1.0]), ANY_FLOAT),
    st.one_of(st.sampled_from([-96.0, -20.0]), ANY_FLOAT),
    st.booleans(),
    st.sampled_from([0, 0, 0, 0, 20, -5000, 600, 10**9]),  # how far the clock jumps
    # What is told before it: that the reply to a turn has begun, asked for or not, or a hold.
    st.sampled_from([None, None, None, -1, 0, 1, 2, 3, 10**6, True, False]),
)


Told = int | bool | None
Step = tuple[Told, SpeechFrame]


def _steps(stretches: list[tuple]) -> list[Step]:
    """Any call, and then 16 s of silence: more than the longest interval, limit or tail."""
    steps: list[Step] = []
    at_ms = 0
    for count, probability, level, audible, jump, told in [
        *stretches,
        (800, 0.0, -96.0, False, 0, False),
    ]:
        at_ms += jump
        for n in range(count):
            at_ms += 20
            frame = SpeechFrame(at_ms, len(steps), probability, level, audible)
            steps.append((told if n == 0 else None, frame))
    return steps


def _push(detector: TurnDetector, steps: list[Step]) -> list[TurnEvent]:
    events: list[TurnEvent] = []
    for told, frame in steps:
        if isinstance(told, bool):
            detector.hold(told)
        elif told is not None:
            detector.reply_began(told)
        events += detector.push(frame)
    return events


def _run(options: TurnOptions, stretches: list[tuple]) -> list[TurnEvent]:
    return _push(TurnDetector(options), _steps(stretches))


@unhurried
@given(OPTIONS, st.lists(STRETCH, max_size=25))
def test_time_goes_forward_and_turns_follow_each_other(options, stretches):
    events = _run(options, stretches)
    times = [event.at_ms for event in events]
    assert times == sorted(times)
    numbered = [e for e in events if isinstance(e, Prime | Commit | Retract | NoInput)]
    opened = 0
    last = 0
    for event in numbered:
        match event:
            case Prime(turn=turn) | NoInput(turn=turn):
                assert turn == last + 1
                last, opened = turn, turn if isinstance(event, Prime) else opened
            case Commit(turn=turn):
                assert turn == opened
                opened = 0
            case Retract(turn=turn, reopened=reopened):
                assert opened == 0 and turn == last and reopened == last + 1
                last = opened = reopened
    assert opened == 0


@unhurried
@given(OPTIONS, st.lists(STRETCH, max_size=25))
def test_commits_keep_their_interval(options, stretches):
    commits: list[Commit] = []
    for event in _run(options, stretches):
        if isinstance(event, Commit):
            commits.append(event)
        elif isinstance(event, Retract):
            commits.pop()
    for one, next_one in pairwise(commits):
        assert next_one.at_ms - one.at_ms >= options.commit_min_interval_ms


@unhurried
@given(OPTIONS, st.lists(STRETCH, max_size=25))
def test_every_armed_barge_in_is_decided_and_every_run_of_speech_ends(options, stretches):
    events = _run(options, stretches)
    for opening, closings in (
        (BargeInArmed, BargeInRejected | Cancel),
        (SpeechStart, SpeechEnd),
    ):
        kinds = [isinstance(e, opening) for e in events if isinstance(e, opening | closings)]
        assert kinds == [True, False] * (len(kinds) // 2)


@unhurried
@given(OPTIONS, st.lists(STRETCH, max_size=10))
def test_after_silence_a_sentence_gets_its_reply(options, stretches):
    steps = _steps(stretches)
    at_ms = max(frame.at_ms for _, frame in steps)
    sentence = [
        (None, SpeechFrame(at_ms + 20 * n, len(steps) + n, float(n < 100), -20.0, False))
        for n in range(1, 400)
    ]
    detector = TurnDetector(options)
    _push(detector, steps)
    told = [e for e in _push(detector, sentence) if not isinstance(e, NoInput)]
    assert [type(event) for event in told] == [SpeechStart, Prime, SpeechEnd, Commit]


@unhurried
@given(OPTIONS, st.lists(STRETCH, max_size=10))
def test_the_same_frames_give_the_same_events(options, stretches):
    assert _run(options, stretches) == _run(options, stretches)
