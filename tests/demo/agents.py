"""Agents on the sample clock for the scripted caller to talk to, without a network or a clock."""

from collections.abc import Callable

import numpy as np

from bridge.audio.frames import FRAME_SAMPLES
from bridge.audio.level import dbfs
from sip_plugin.demo.script import Caller, CallerEvent

SPEAKING_DBFS = -50.0


class PlainAgent:
    """Answers a burst of speech with what it heard; by its switches it behaves, or does not.

    Its turn-taking is crude on purpose: a burst ends after 500 ms of quiet, counts from 600 ms
    on, and stops a reply once it has lasted 300 ms.
    """

    def __init__(
        self, *, answers: bool = True, yields: bool = True, ignores_short_bursts: bool = True
    ) -> None:
        self.answers, self.yields = answers, yields
        self.stops_after = 15 if ignores_short_bursts else 1
        self._turn: list[np.ndarray] = []
        self._speech = self._quiet = 0
        self._reply: list[np.ndarray] = []

    def step(self, heard: np.ndarray) -> np.ndarray:
        if dbfs(heard) > SPEAKING_DBFS:
            self._turn.append(heard)
            self._speech, self._quiet = self._speech + 1, 0
            if self.yields and self._speech >= self.stops_after:
                self._reply = []
        elif self._turn:
            self._turn.append(heard)
            self._quiet += 1
            if self._quiet >= 25:
                if self.answers and self._speech >= 30:
                    self._reply = self._turn[: -self._quiet]
                self._turn, self._speech = [], 0
        return self._reply.pop(0) if self._reply else np.zeros(FRAME_SAMPLES, np.int16)


def talk(
    caller: Caller, agent: Callable[[np.ndarray], np.ndarray], limit_secs: float = 120
) -> tuple[list[CallerEvent], np.ndarray, np.ndarray]:
    """The events, what the caller sent and what it heard (int16[n] each)."""
    events: list[CallerEvent] = []
    sent: list[np.ndarray] = []
    heard = [np.zeros(FRAME_SAMPLES, np.int16)]
    while not caller.finished:
        assert len(sent) < limit_secs * 50, "the script neither ends nor fails"
        frame, happened = caller.step(heard[-1])
        events += happened
        sent.append(frame)
        heard.append(agent(frame))
    return events, np.concatenate(sent), np.concatenate(heard[:-1])
