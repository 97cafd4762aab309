"""What a phone's earpiece plays: each sample at its place in the sender's timestamps, a fixed time
after it arrived, as phones with a fixed jitter buffer do. Core without I/O.

Nothing depends on when the phone's process gets its turn: a frame that is played late by the
machine's clock holds the very samples that belong there by the phone's sample clock, and so does
its echo.
"""

import numpy as np
from numpy.typing import NDArray

from bridge.audio.frames import FRAME_SAMPLES, PHONE_RATE_HZ

DELAY_MS = 100
"""How long a packet waits that comes in time: as much as it may be late."""
LOST_PLACE = 25
"""Packets in a row that came too late to be played: the place is wrong, and is chosen anew."""
_RING = 2 * PHONE_RATE_HZ


class PhonePlayout:
    """One call's. Constant memory: two seconds of sound."""

    def __init__(self) -> None:
        self._ring = np.zeros(_RING, np.int16)
        self._played = 0
        """Samples since the call began: the phone's sample clock."""
        self._source: int | None = None
        self._offset = 0
        """Added to a timestamp it gives the place on the sample clock."""
        self._late_in_a_row = 0
        self.late_packets = 0
        """Came after some of their samples should have been played."""

    def push(self, source: int, timestamp: int, pcm: NDArray[np.int16], now: int) -> None:
        """Take a packet: its SSRC, its 32-bit timestamp, its sound, int16 `[n]`.

        `now`: the time of arrival in samples since the call began, by the machine's clock.
        """
        if source != self._source:
            self._source = source
            self._choose_place(timestamp, now)
        place = (timestamp + self._offset) & 0xFFFFFFFF
        ahead = (place - self._played + 0x80000000 & 0xFFFFFFFF) - 0x80000000
        if ahead < 0:
            self.late_packets += 1
            self._late_in_a_row += 1
        else:
            self._late_in_a_row = 0
        if self._late_in_a_row >= LOST_PLACE or ahead + len(pcm) > _RING:
            self._late_in_a_row = 0
            self._choose_place(timestamp, now)
            ahead = now + _DELAY - self._played
        if ahead < 0:
            pcm, ahead = pcm[-ahead:], 0
        pcm = pcm[: max(_RING - ahead, 0)]
        self._ring[(self._played + ahead + np.arange(len(pcm))) % _RING] = pcm

    def pull(self) -> NDArray[np.int16]:
        """The next frame to be heard, int16 `[160]`; silence where nothing came."""
        place = self._played % _RING
        frame = self._ring[place : place + FRAME_SAMPLES].copy()
        self._ring[place : place + FRAME_SAMPLES] = 0
        self._played += FRAME_SAMPLES
        return frame

    def _choose_place(self, timestamp: int, now: int) -> None:
        self._offset = max(now, self._played) + _DELAY - timestamp


_DELAY = DELAY_MS * PHONE_RATE_HZ // 1000
