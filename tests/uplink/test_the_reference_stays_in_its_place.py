"""Which frame sent stands beside which frame received, through stalls, bursts and gaps."""

from itertools import pairwise

import numpy as np

from bridge.audio.frames import FRAME_SAMPLES
from bridge.audio.reference import PATIENT_WINDOWS, TOO_EARLY_FRAMES, WINDOW_FRAMES, Reference


class Call:
    """A line in frames: the n-th frame sent holds n, so that its place shows."""

    def __init__(self) -> None:
        self.reference = Reference()
        self.sent = self.heard = 0
        self.ages: list[int | None] = []
        """How many frames before the n-th one received its reference was sent; None: silence."""

    def send(self, frames: int = 1) -> None:
        for _ in range(frames):
            self.reference.push(np.full(FRAME_SAMPLES, self.sent, np.int16))
            self.sent += 1

    def hear(self, frames: int = 1) -> None:
        for _ in range(frames):
            pulled = self.reference.pull()
            self.ages.append(None if pulled is None else self.heard - int(pulled[0]))
            self.heard += 1

    def run(self, frames: int) -> None:
        for _ in range(frames):
            self.send()
            self.hear()


def begun() -> Call:
    call = Call()
    call.run(50)
    return call


def test_a_stall_of_ours_moves_nothing():
    call = begun()
    call.send(8)  # made up for at once, in the order of the worker: sent first, then heard
    call.hear(8)
    call.run(50)
    assert set(call.ages) == {0} and call.reference.shifts == 0


def test_slots_that_a_long_stall_skipped_are_silence_at_their_place():
    call = begun()
    call.reference.skip(10)
    call.sent += 10
    call.hear(10)
    call.run(50)
    assert call.ages == [0] * 50 + [None] * 10 + [0] * 50


def test_a_burst_after_a_gap_in_the_callers_stream_moves_nothing():
    call = begun()
    call.send(5)
    call.run(20)
    call.hear(5)
    call.run(20)
    assert set(call.ages) == {0} and call.reference.shifts == 0


def test_frames_that_the_caller_left_out_are_left_out_of_the_reference():
    call = begun()
    call.send(7)
    call.reference.leap(7)
    call.heard += 7
    call.run(50)
    assert set(call.ages) == {0} and call.reference.shifts == 0


def test_a_frame_that_comes_early_once_costs_a_hole_and_moves_nothing():
    call = begun()
    call.hear()
    call.send()
    call.run(2 * WINDOW_FRAMES)
    assert call.ages.count(None) == 1
    assert set(call.ages) == {0, None} and call.reference.shifts == 0


def test_a_caller_who_stays_ahead_has_a_reference_again_at_once():
    call = begun()
    call.hear()
    for _ in range(50):
        call.hear()
        call.send()
    assert call.ages.count(None) == TOO_EARLY_FRAMES
    assert call.reference.shifts == 1 and call.ages[-1] is not None


def test_a_surplus_that_lasts_is_given_up():
    call = begun()
    call.send(6)
    call.run((PATIENT_WINDOWS + 2) * WINDOW_FRAMES)
    assert call.reference.shifts == 1
    assert all(b - a in (0, -5) for a, b in pairwise(call.ages))
