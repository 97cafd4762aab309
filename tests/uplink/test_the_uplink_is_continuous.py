"""What the model hears has no gap and no click, whether the canceller runs or not."""

import numpy as np

from bridge.audio.frames import FRAME_SAMPLES, PHONE_RATE_HZ
from bridge.profile import PROFILES
from bridge.uplink import Uplink
from sip_plugin.demo import speech
from tests.uplink.line import RAW, agent_talks, at_level, hear, noise, over_the_line, placed

SECS = 8.0


def test_every_frame_gives_a_frame_of_the_same_length():
    uplink = Uplink(RAW)
    for n in range(200):
        uplink.sent(over_the_line(noise(0.02, -20.0, n)) if 50 < n < 90 else None)
        frame = uplink.clean(np.zeros(FRAME_SAMPLES, np.int16))
        assert frame.dtype == np.int16 and frame.shape == (FRAME_SAMPLES,)


def test_turning_the_canceller_on_and_off_makes_no_click():
    hum = 200 * np.sin(2 * np.pi * 440 * np.arange(round(SECS * PHONE_RATE_HZ)) / PHONE_RATE_HZ)
    agent = placed(SECS, (3.0, agent_talks(4.0)[2 * PHONE_RATE_HZ :]))
    heard = hear(hum, agent)
    steepest = np.abs(np.diff(heard.cleaned.astype(int)))[PHONE_RATE_HZ // 10 :].max()
    # The tone itself climbs by 69 a sample, and its two versions may cross at the change-over.
    assert heard.uplink.stats.cancelled_frames > 100
    assert steepest < 3 * 69


def test_a_leg_whose_far_end_cancels_costs_no_delay():
    uplink = Uplink(PROFILES["aec"])
    click = np.zeros(FRAME_SAMPLES, np.int16)
    click[80] = 20000
    uplink.sent(None)
    assert np.argmax(np.abs(uplink.clean(click))) == 80


def test_until_the_agent_speaks_the_caller_is_heard_as_on_a_leg_without_echo():
    caller = placed(3.0, (0.1, at_level(speech.load("turn_1"), -24.0))) + noise(3.0, -62.0)
    raw, clean = (hear(caller, profile=PROFILES[name]) for name in ("raw", "aec"))
    assert raw.uplink.stats.cancelled_frames >= 100  # it listens all the same
    assert np.array_equal(raw.cleaned, clean.cleaned)


def test_a_caller_waits_for_the_canceller_only_while_it_runs():
    uplink = Uplink(RAW)
    silence = np.zeros(FRAME_SAMPLES, np.int16)
    for _ in range(150):  # past the start of the call
        uplink.sent(None)
        uplink.clean(silence)
    click = silence.copy()
    click[80] = 20000
    uplink.sent(None)
    assert np.argmax(np.abs(uplink.clean(click))) == 80
