"""Extremes, wrong lengths, a clock that jumps: no exception, and the line is soon as ever."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.audio.frames import FRAME_SAMPLES
from bridge.audio.level import dbfs
from bridge.audio.reference import MAX_FRAMES, Reference
from bridge.profile import PROFILES, LegProfile
from bridge.uplink import Uplink

FRAMES = st.sampled_from(
    [
        np.full(FRAME_SAMPLES, -32768, np.int16),
        np.full(FRAME_SAMPLES, 32767, np.int16),
        np.tile(np.array([-32768, 32767], np.int16), FRAME_SAMPLES // 2),
        np.zeros(FRAME_SAMPLES, np.int16),
        np.full(FRAME_SAMPLES, 8000, np.int16),
        np.random.default_rng(1).integers(-32768, 32768, FRAME_SAMPLES).astype(np.int16),
        np.full(FRAME_SAMPLES, np.nan),
        np.array([np.inf, -np.inf, 1e30] * 60),
        np.zeros(0, np.int16),
        np.ones(7, np.int16),
        np.ones(4000, np.int16),
        np.zeros((2, FRAME_SAMPLES), np.int16),
    ]
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("clean"), FRAMES),
        st.tuples(st.just("jump"), st.integers(-(10**12), 10**12)),
        st.tuples(st.just("disturbed"), st.none()),
        st.tuples(st.just("sent"), st.one_of(st.none(), FRAMES)),
        st.tuples(st.just("skipped"), st.integers(-(10**12), 10**12)),
        st.tuples(st.just("level"), st.floats()),
    ),
    max_size=80,
)


@given(STEPS, st.sampled_from([PROFILES["raw"], PROFILES["aec"], LegProfile(level_control=True)]))
@settings(max_examples=60, deadline=None)
def test_whatever_comes_a_frame_gives_a_frame(steps, profile):
    uplink = Uplink(profile)
    for what, value in steps:
        match what:
            case "clean":
                frame = uplink.clean(value)
                assert frame.dtype == np.int16 and frame.shape == (FRAME_SAMPLES,)
                louder = uplink.for_model(frame, 1.0, float(dbfs(frame)))
                assert louder.dtype == np.int16 and louder.shape == (FRAME_SAMPLES,)
            case "jump":
                frame = uplink.clean(np.zeros(FRAME_SAMPLES, np.int16), slots=value)
                assert frame.dtype == np.int16 and frame.shape == (FRAME_SAMPLES,)
            case "disturbed":
                uplink.disturbed()
            case "sent":
                uplink.sent(value)
            case "skipped":
                uplink.skipped(value)
            case "level":
                uplink.gate_level(value)
    for _ in range(400):  # whatever it was, it is over: the line is quiet, and is heard as quiet
        uplink.sent(None)
        frame = uplink.clean(np.zeros(FRAME_SAMPLES, np.int16))
        uplink.gate_level(-70.0)
    assert np.abs(frame.astype(int)).max() <= 8
    assert uplink.gate_level(-30.0) == -30.0


@given(st.lists(st.sampled_from(["push", "pull", "skip", "leap"]), max_size=400))
def test_the_reference_is_bounded_and_finds_its_place_again(steps):
    reference = Reference()
    frame = np.ones(FRAME_SAMPLES, np.int16)
    for step in steps:
        match step:
            case "push":
                reference.push(frame)
            case "pull":
                reference.pull()
            case "skip":
                reference.skip(10**9)
            case "leap":
                reference.leap(3)
    reference.push(frame)
    ages = []
    for n in range(2000):
        stamped = np.full(FRAME_SAMPLES, n % 30000, np.int16)
        reference.push(stamped)
        pulled = reference.pull()
        ages.append(0 if pulled is None else n - int(pulled[0]))
    assert all(age <= MAX_FRAMES for age in ages[MAX_FRAMES:])
    assert set(ages[-400:]) <= {0, 1, 2}  # steady, and hardly late
