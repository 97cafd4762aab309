"""What the phone was sent, beside what came from it: which frame is the canceller's reference.

Both streams are counted in frames of 20 ms, so the n-th frame sent stands beside the n-th frame
received, and the echo's delay stays the same though packets leave up to 15 ms early at a talk spurt
and the caller's come in bursts. Where the two counts meet is found at the first frame, and moved
only when the frames themselves show that it is wrong.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

MAX_FRAMES = 60
"""Kept for a caller's stream that stands still (1.2 s, a little more than is made up for)."""
WINDOW_FRAMES = 500
"""A surplus that lasted so long is not jitter (10 s)."""
SPARE_FRAMES = 1
"""Kept for jitter when a surplus is taken away."""

Frame = NDArray[np.int16]


class Reference:
    """One call's alignment. `None` stands for a frame of silence."""

    def __init__(self) -> None:
        self._frames: deque[Frame | None] = deque(maxlen=MAX_FRAMES)
        self._begun = False
        self._least = MAX_FRAMES
        self._pulls = 0
        self.shifts = 0
        """How often the alignment was moved by a frame or more."""

    def push(self, pcm: Frame | None) -> None:
        """One slot of 20 ms has been sent: its samples as the phone decodes them."""
        self._frames.append(pcm)

    def skip(self, slots: int) -> None:
        """Slots in which nothing could be sent, because the process stood still."""
        self._frames.extend([None] * min(max(slots, 0), MAX_FRAMES))

    def pull(self) -> Frame | None:
        """The reference for the caller's next frame."""
        frames = self._frames
        if not self._begun:
            self._begun = True
            self._keep(1)
        if not frames:
            # The caller is ahead. The frame that is missing will be the next one's reference:
            # from now on there is one more to choose from.
            self.shifts += 1
            self._least = 0
            return None
        frame = frames.popleft()
        self._least = min(self._least, len(frames))
        self._pulls += 1
        if self._pulls >= WINDOW_FRAMES:
            self._settle()
        return frame

    def _settle(self) -> None:
        """A reference later than its echo is of no use: give up a lasting surplus."""
        surplus = self._least - SPARE_FRAMES
        if surplus > 0:
            self.shifts += 1
            self._keep(len(self._frames) - surplus)
        self._pulls = 0
        self._least = MAX_FRAMES

    def _keep(self, newest: int) -> None:
        while len(self._frames) > newest:
            self._frames.popleft()
