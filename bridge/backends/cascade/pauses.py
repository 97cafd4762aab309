"""Where a caller pauses: a moment at which their turn may be over, long before it is committed."""

import numpy as np

from bridge.audio.frames import FRAME_MS
from bridge.audio.level import frame_dbfs

QUIET_DBFS = -50.0
"""What is quieter is no speech."""
RANGE_DB = 25.0
"""Nor is what is so far below the loudest of the turn."""
SHORTEST_MS = 100
"""Loud audio that makes a turn worth a draft."""


class Pauses:
    """Feed every frame of 20 ms of a turn; True once for each pause, when it is `pause_ms` old."""

    def __init__(self, pause_ms: int) -> None:
        self._pause = pause_ms // FRAME_MS
        self._loudest = QUIET_DBFS
        self._loud = 0
        self._quiet = 0

    @property
    def speaking(self) -> bool:
        """Something was said since the last pause."""
        return self._loud > 0

    def push(self, pcm: np.ndarray) -> bool:
        level = frame_dbfs(pcm)
        self._loudest = max(self._loudest, level)
        if level >= max(QUIET_DBFS, self._loudest - RANGE_DB):
            self._loud += 1
            self._quiet = 0
            return False
        self._quiet += 1
        if self._quiet != self._pause or self._loud * FRAME_MS < SHORTEST_MS:
            return False
        self._loud = 0
        return True
