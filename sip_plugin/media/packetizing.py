"""Frames of 20 ms become packets of the length that the peer asked for (`a=ptime`).

Core without I/O: frames in, packets out, each with how long after the frame's slot it leaves, so
that packets leave evenly though frames come every 20 ms.
"""

from collections.abc import Iterator
from typing import NamedTuple

from bridge.audio.frames import FRAME_MS, FRAME_SAMPLES

SAMPLES_PER_MS = FRAME_SAMPLES // FRAME_MS


class Piece(NamedTuple):
    payload: bytes
    marker: bool
    wait_ms: int
    """After the slot in which it became whole; a multiple of 10."""


class Packetizer:
    """One direction of one call. A byte of payload is a sample."""

    def __init__(self, ptime_ms: int) -> None:
        """`ptime_ms`: 10 to 60, a multiple of 10; what is none is rounded down to one."""
        self.ptime_ms = min(max(ptime_ms // 10 * 10, 10), 60)
        self._size = self.ptime_ms * SAMPLES_PER_MS
        # The least delay with which every packet is whole at its time.
        self._delay_ms = -(-self.ptime_ms // FRAME_MS) * FRAME_MS - FRAME_MS
        self._waiting = bytearray()
        self._marker = False
        self._came_ms = 0
        """Audio that came before this slot's."""
        self._left_ms = 0
        """Audio that left."""

    def push(self, payload: bytes, marker: bool) -> Iterator[Piece]:
        """160 bytes, of which `marker` says that they begin a talk spurt."""
        if self.ptime_ms == FRAME_MS:
            yield Piece(payload, marker, 0)
            return
        self._waiting += payload
        self._marker |= marker
        while len(self._waiting) >= self._size:
            due_ms = self._left_ms + self._delay_ms
            yield Piece(bytes(self._waiting[: self._size]), self._marker, due_ms - self._came_ms)
            del self._waiting[: self._size]
            self._left_ms += self.ptime_ms
            self._marker = False
        self._came_ms += FRAME_MS
        if not self._waiting:
            self._came_ms = self._left_ms = 0

    def clear(self) -> int:
        """Drop what is not a whole packet yet; returns how many samples that is."""
        dropped = len(self._waiting)
        self._waiting.clear()
        self._came_ms = self._left_ms = 0
        return dropped
