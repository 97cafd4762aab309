"""Whatever the model and the caller do, in whatever order."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bridge.playout import Playout

MAX_SECS = 0.5
TURNS = st.integers(0, 6)


class AnyUse(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.playout = Playout(MAX_SECS)
        self.accepted: dict[int, int] = {}
        self.fenced = -1
        self.highest = -1
        self.cut: list[int] = []

    @rule(turn=TURNS, samples=st.integers(0, 1200), value=st.integers(-32768, 32767))
    def push(self, turn: int, samples: int, value: int) -> None:
        if self.playout.push(turn, np.full(samples, value, np.int16)) and samples:
            assert turn > self.fenced and turn >= self.highest
            self.highest = turn
            self.accepted[turn] = self.accepted.get(turn, 0) + samples

    @rule(turn=TURNS)
    def end(self, turn: int) -> None:
        self.playout.end(turn)

    @rule(turn=TURNS)
    def fence(self, turn: int) -> None:
        self.playout.fence(turn)
        self.fenced = max(self.fenced, turn)

    @rule()
    def cancel(self) -> None:
        cut = self.playout.cancel()
        assert all(heard_ms == self.playout.heard_ms(turn) for turn, heard_ms in cut)
        self.cut = [turn for turn, _ in cut]
        self.fenced = max(self.fenced, self.highest)
        assert self.playout.buffered_ms == 0

    @rule(manner=st.sampled_from(["talk", "duck", "pause"]))
    def speak(self, manner: str) -> None:
        self.playout.speak(manner)

    @rule(slots=st.integers(1, 8))
    def pull(self, slots: int) -> None:
        for _ in range(slots):
            ready = self.playout.waiting
            frame = self.playout.pull()
            assert frame is not None or not ready
            if frame is not None:
                assert frame.pcm.shape == (160,) and frame.pcm.dtype == np.int16
                if frame.turn in self.cut:
                    assert not frame.pcm[40:].any()

    @invariant()
    def bounds_hold(self) -> None:
        assert self.playout.buffered_ms <= MAX_SECS * 1000
        for turn, samples in self.accepted.items():
            assert self.playout.heard_ms(turn) <= samples // 8


AnyUse.TestCase.settings = settings(deadline=None, max_examples=60)
TestAnyUse = AnyUse.TestCase
