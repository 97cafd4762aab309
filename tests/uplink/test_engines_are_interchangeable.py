"""Every engine takes the agent away behind the same interface, or says why it cannot."""

import importlib.util

import numpy as np
import pytest

from bridge.audio import canceller
from bridge.audio.aec3 import Aec3
from bridge.audio.canceller import CancellerUnavailable
from bridge.audio.frames import FRAME_SAMPLES
from sip_plugin.demo.echo import EchoPath
from tests.uplink.line import RAW, agent_talks, hear, noise, over_the_line, to_int16

SECS = 9.0

MODULES = {"aec3": "livekit", "webrtc_apm": "webrtc_audio_processing"}
INSTALLED = [name for name, module in MODULES.items() if importlib.util.find_spec(module)]
"""The second one is an optional extra, built from source."""


def echo_of(agent: np.ndarray) -> np.ndarray:
    return over_the_line(EchoPath(12, 120).push(agent) + noise(SECS, -60.0))


def frames(pcm: np.ndarray):
    return pcm.reshape(-1, FRAME_SAMPLES)


def test_prepared_requests_are_those_of_the_public_interface():
    agent = to_int16(agent_talks(SECS))
    echo = echo_of(agent)
    prepared, public = Aec3(), Aec3(prepared=False)
    for far, near in zip(frames(agent), frames(echo), strict=True):
        assert (prepared.process(near, far) == public.process(near, far)).all()


def test_the_delay_of_an_engine_is_what_it_says():
    engine = Aec3()
    sound = to_int16(noise(4.0, -20.0))
    far = np.zeros(FRAME_SAMPLES, np.int16)
    cleaned = np.concatenate([engine.process(near, far) for near in frames(sound)])
    likeness = [
        np.dot(sound[8000:16000].astype(float), cleaned[8000 + lag : 16000 + lag])
        for lag in range(300)
    ]
    assert abs(int(np.argmax(likeness)) - engine.delay_samples) <= 2


@pytest.mark.parametrize("engine", INSTALLED)
def test_an_engine_that_is_told_the_delay_cancels(engine):
    profile = RAW.model_copy(update={"canceller": engine, "canceller_delay_ms": 120})
    line = EchoPath(12, 120)
    heard = hear(noise(SECS, -60.0), agent_talks(SECS), echo=line, profile=profile)
    assert heard.suppressed_db(6.0, SECS) > 15.0


def test_an_engine_that_is_not_installed_says_what_to_do(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "webrtc_audio_processing", None)
    with pytest.raises(CancellerUnavailable, match="pip install"):
        canceller.make("webrtc_apm", 100)


def test_none_is_no_canceller_and_an_unknown_one_an_error():
    assert canceller.make("none", 0) is None
    with pytest.raises(ValueError, match="speex"):
        canceller.make("speex", 0)
