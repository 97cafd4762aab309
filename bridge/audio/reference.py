"""What the phone was sent, beside what came from it: which frame is the canceller's reference.

Both streams are counted in frames of 20 ms, so the n-th frame sent stands beside the n-th frame
received, and the echo's delay stays the same though packets leave up to 15 ms early at a talk spurt
and the caller's come in bursts. Where the two counts meet is found at the first frame, and moved
only when the frames themselves show that it is wrong: at once when the caller keeps asking for
what was not sent yet, for that is lost to the canceller; late when there is a surplus.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

MAX_FRAMES = 60
"""Kept for a caller's stream that stands still (1.2 s, a little more than is made up for)."""
SPARE_FRAMES = 1
"""A surplus that is left, so that a caller's frame may come somewhat early."""
WINDOW_FRAMES = 100
"""How long the counts are watched before they are moved (2 s)."""
TOO_EARLY_FRAMES = 4
"""Frames of a window that had no reference yet: the counts meet in a wrong place. Fewer are jitter,
and a hole in the reference costs less than an echo that moves."""
PATIENT_WINDOWS = 5
"""A surplus that lasts so many windows is not jitter (10 s)."""
_MANY = 1 << 30

Frame = NDArray[np.int16]


class Reference:
    """One call's alignment. `None` stands for a frame of silence."""

    def __init__(self) -> None:
        self._frames: deque[Frame | None] = deque(maxlen=MAX_FRAMES)
        self._sent = 0
        self._wanted: int | None = None
        """Number of the frame sent that is the next one's reference; None before the first."""
        self._pulls = 0
        self._early = 0
        self._least_surplus = _MANY
        self._windows_of_surplus = 0
        self.shifts = 0
        """How often the alignment was moved by a frame or more."""

    def push(self, pcm: Frame | None) -> None:
        """One slot of 20 ms has been sent: its samples as the phone decodes them."""
        self._frames.append(pcm)
        self._sent += 1

    def skip(self, slots: int) -> None:
        """Slots in which nothing could be sent, because the process stood still."""
        for _ in range(min(max(slots, 0), MAX_FRAMES)):
            self.push(None)

    def pull(self) -> Frame | None:
        """The reference for the caller's next frame."""
        if self._wanted is None:
            self._wanted = self._sent - 1
        number, self._wanted = self._wanted, self._wanted + 1
        place = number - (self._sent - len(self._frames))
        self._watch(self._sent - self._wanted)
        return self._frames[place] if 0 <= place < len(self._frames) else None

    def leap(self, frames: int) -> None:
        """The caller's stream leaves out so many frames."""
        if self._wanted is not None:
            self._wanted += frames

    def _watch(self, surplus: int) -> None:
        """`surplus`: frames sent after the one that was just asked for; negative when it was not
        sent yet."""
        self._early += surplus < 0
        self._least_surplus = min(self._least_surplus, surplus)
        self._pulls += 1
        if self._early >= TOO_EARLY_FRAMES:
            self._move(self._least_surplus)
        elif self._pulls < WINDOW_FRAMES:
            return
        elif self._least_surplus > SPARE_FRAMES:
            self._windows_of_surplus += 1
            lost = self._least_surplus >= MAX_FRAMES
            if lost or self._windows_of_surplus >= PATIENT_WINDOWS:
                self._move(self._least_surplus - SPARE_FRAMES)
        else:
            self._windows_of_surplus = 0
        self._pulls = self._early = 0
        self._least_surplus = _MANY

    def _move(self, frames: int) -> None:
        assert self._wanted is not None
        self._wanted += frames
        self._windows_of_surplus = 0
        self.shifts += 1
