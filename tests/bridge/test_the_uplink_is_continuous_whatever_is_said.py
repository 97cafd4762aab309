"""Append always: every caller frame goes up once, in order, at the model's rate."""

import pytest

from bridge.agent import AgentSpec
from tests.bridge.story import Story


@pytest.mark.parametrize("rate", [8000, 16000, 24000])
def test_speech_and_silence_alike_go_up_at_the_models_rate(rate: int):
    story = Story(AgentSpec(endpoint="quic://127.0.0.1:4433", input_rate_hz=rate))
    story.caller(300, speaks=False)
    story.caller(1000, speaks=True)
    story.caller(2000, speaks=False)
    samples = rate * 20 // 1000
    assert story.leg.appended == [(n, n * samples, samples * 2) for n in range(165)]
