import numpy as np

from bridge.audio.frames import FRAME_SAMPLES
from sip_plugin.demo import speech
from sip_plugin.demo.script import Caller, Missed, default_lines
from tests.demo.agents import PlainAgent, talk


def miss(agent, lines=None) -> Missed:
    events, _, _ = talk(Caller(lines or default_lines()), agent)
    assert isinstance(events[-1], Missed), events
    return events[-1]


def test_an_agent_that_never_answers():
    missed = miss(PlainAgent(answers=False).step)
    assert missed.line == "turn_1" and "answer within" in missed.expected


def test_an_agent_that_a_backchannel_stops():
    missed = miss(PlainAgent(ignores_short_bursts=False).step)
    assert missed.line == "backchannel" and missed.seen == "the agent fell silent"


def loop(pcm):
    frames = pcm.reshape(-1, FRAME_SAMPLES)
    n = 0

    def step(_):
        nonlocal n
        n += 1
        return frames[n % len(frames)]

    return step


def test_an_agent_that_never_stops_talking():
    missed = miss(loop(speech.load("turn_1")))
    assert missed.line == "the call" and missed.seen == "the agent keeps talking"


def test_an_agent_that_does_not_yield_to_a_barge_in():
    lines = default_lines()
    long = speech.load("turn_4")
    lines[4] = type(lines[4])("turn_4", lines[4].kind, np.concatenate([long, long]))
    missed = miss(PlainAgent(yields=False).step, lines)
    assert missed.line == "barge_in" and missed.seen == "the agent talks on"


def test_a_reply_too_short_to_speak_into():
    class Curt(PlainAgent):
        def step(self, heard):
            frame = super().step(heard)
            self._reply = self._reply[:10]
            return frame

    missed = miss(Curt().step)
    assert missed.line == "turn_2" and "to speak into" in missed.expected
