"""A recorded call through the audio path and the turn detector of a live call. Core without I/O.

Two steps, so that one recording can be judged under many options: `analyse` makes of the sound
what the turn detector sees, `detect` makes of that the events. The loop is open: the recorded
agent talks on after a cancel, and a reply is something that is supposed, not heard.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bridge.audio.frames import FRAME_MS, FRAME_SAMPLES, PHONE_RATE_HZ
from bridge.audio.level import dbfs
from bridge.audio.vad import BatchVad
from bridge.profile import LegProfile
from bridge.turn.detector import TurnDetector
from bridge.turn.events import Cancel, Commit, Retract, SpeechFrame, TurnEvent
from bridge.turn.options import TurnOptions
from bridge.uplink import Uplink

AGENT_SILENCE_MS = 200
"""Zeros for so long in the agent's track are silence; shorter ones belong to its speech."""
REPLY_MS = 300
"""How long after a commit a reply becomes audible, when nothing else is said."""

_SAMPLES_PER_MS = PHONE_RATE_HZ // 1000

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Recording:
    """Both sides of a call on one clock, int16 at 8 kHz."""

    caller: NDArray[np.int16]
    """What came from the phone."""
    agent: NDArray[np.int16]
    """What left for the phone, sample by sample; shorter than the caller's, it is silent after."""

    @property
    def frames(self) -> int:
        """Frames of the caller; the last one is filled up with silence."""
        return -(-len(self.caller) // FRAME_SAMPLES)


@dataclass(frozen=True, slots=True)
class Heard:
    """What the turn detector is told of a call, a value a frame of 20 ms."""

    probability: NDArray[np.float32]
    level_dbfs: NDArray[np.float32]
    agent_turn: NDArray[np.int32]
    """Number, from 1, of the agent's turn that is audible in the frame; 0 where it is silent."""
    length_ms: float
    """Length of the caller's track."""


def agent_turns(agent: NDArray[np.int16]) -> list[tuple[int, int]]:
    """Where the agent speaks, in samples from (included) to (excluded)."""
    speaking = np.flatnonzero(agent)
    if not len(speaking):
        return []
    # A gap of n zeros puts n + 1 between the positions on either side of it.
    torn = np.flatnonzero(np.diff(speaking) > AGENT_SILENCE_MS * _SAMPLES_PER_MS)
    begins = speaking[np.concatenate(([0], torn + 1))]
    ends = speaking[np.concatenate((torn, [len(speaking) - 1]))] + 1
    return [(int(begin), int(end)) for begin, end in zip(begins, ends, strict=True)]


def analyse(
    calls: Sequence[Recording], profile: LegProfile, progress: Progress = lambda frames: None
) -> list[Heard]:
    """All calls at once, each through an uplink of its own, and then one batched VAD.

    `progress` is told the frames done so far. Raises CancellerUnavailable.
    """
    order = sorted(range(len(calls)), key=lambda i: -calls[i].frames)
    results = [_blank(call) for call in calls]
    callers = [_framed(call.caller, call.frames) for call in calls]
    agents = [_framed(call.agent, call.frames) for call in calls]
    uplinks = [Uplink(profile) for _ in calls]
    vad = BatchVad()
    slots = {i: vad.open() for i in order}
    live, done = len(order), 0
    for n in range(max((call.frames for call in calls), default=0)):
        while calls[order[live - 1]].frames <= n:
            live -= 1
        now = order[:live]
        for i in now:
            uplinks[i].sent(agents[i][n])
        batch = np.stack([uplinks[i].clean(callers[i][n]) for i in now])
        probabilities = vad.push([slots[i] for i in now], batch)
        levels = dbfs(batch)
        for i, probability, level in zip(now, probabilities, levels, strict=True):
            results[i].probability[n] = probability
            results[i].level_dbfs[n] = uplinks[i].gate_level(float(level))
        done += live
        progress(done)
    return results


def detect(heard: Heard, options: TurnOptions, reply_ms: int = REPLY_MS) -> list[TurnEvent]:
    """The events of a call, in order.

    `reply_ms` after a commit its reply is audible, and over at once: speech before that takes the
    commit back, later speech is a new turn.
    """
    detector = TurnDetector(options)
    events: list[TurnEvent] = []
    expected: Commit | None = None
    cancelled = 0
    columns = (heard.probability.tolist(), heard.level_dbfs.tolist(), heard.agent_turn.tolist())
    for seq, (probability, level, agent_turn) in enumerate(zip(*columns, strict=True)):
        if expected is not None and seq * FRAME_MS >= expected.at_ms + reply_ms:
            detector.reply_began(expected.turn)
            expected = None
        # A live agent would be silent after a cancel: what the track still has of it is not it.
        audible = agent_turn > 0 and agent_turn != cancelled
        frame = SpeechFrame((seq + 1) * FRAME_MS, seq, probability, level, audible)
        for event in detector.push(frame):
            match event:
                case Commit(at_ms=at_ms, turn=turn):
                    expected = event
                    if audible and agent_turn != cancelled:
                        # The caller had begun before the agent: what it says is given up.
                        cancelled = agent_turn
                        events.append(Cancel(at_ms, turn))
                case Retract():
                    expected = None
                case Cancel():
                    cancelled = agent_turn
            events.append(event)
    return events


def heard_ms(heard: Heard, at_ms: float) -> int:
    """How much of the agent's turn had left for the phone when a cancel fell at `at_ms`."""
    before = heard.agent_turn[: int(at_ms) // FRAME_MS]
    turn = before.max(initial=0)
    return int(np.count_nonzero(before == turn)) * FRAME_MS if turn else 0


def _blank(call: Recording) -> Heard:
    turn = np.zeros(call.frames, np.int32)
    for number, (begin, end) in enumerate(agent_turns(call.agent[: len(call.caller)]), 1):
        turn[begin // FRAME_SAMPLES : -(-end // FRAME_SAMPLES)] = number
    return Heard(
        probability=np.zeros(call.frames, np.float32),
        level_dbfs=np.zeros(call.frames, np.float32),
        agent_turn=turn,
        length_ms=len(call.caller) / _SAMPLES_PER_MS,
    )


def _framed(pcm: NDArray[np.int16], frames: int) -> NDArray[np.int16]:
    """int16 `[frames, 160]`: cut, or filled up with silence."""
    padded = np.zeros(frames * FRAME_SAMPLES, np.int16)
    taken = pcm[: len(padded)]
    padded[: len(taken)] = taken
    return padded.reshape(-1, FRAME_SAMPLES)
