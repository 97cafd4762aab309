"""A stereo WAV of a call: left the caller, right the agent, as they were on the line."""

import logging
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from bridge.audio.frames import FRAME_SAMPLES, PHONE_RATE_HZ

FLUSH_FRAMES = 250
"""Frames kept before they are handed to the disk (5 s)."""
MAX_LEAD_FRAMES = 50
"""How far one side may be ahead of the other (1 s) before the other is filled with silence."""

log = logging.getLogger(__name__)

_SILENCE = np.zeros(FRAME_SAMPLES, np.int16)


class Recording:
    """Collects frames in the tick, writes them on a thread: a slow disk delays nobody."""

    def __init__(self, path: Path, disk: ThreadPoolExecutor) -> None:
        self._path = path
        self._disk = disk
        self._caller: list[np.ndarray] = []
        self._agent: list[np.ndarray] = []
        self._file: wave.Wave_write | None = None
        self._failed = False

    def caller(self, pcm: np.ndarray) -> None:
        """One frame, int16[160], of the caller."""
        self._caller.append(pcm)
        if len(self._caller) - len(self._agent) > MAX_LEAD_FRAMES:
            self._agent.append(_SILENCE)
        self._flush(FLUSH_FRAMES)

    def agent(self, pcm: np.ndarray) -> None:
        """One frame, int16[160], that left for the phone."""
        self._agent.append(pcm)
        if len(self._agent) - len(self._caller) > MAX_LEAD_FRAMES:
            self._caller.append(_SILENCE)

    def _flush(self, least: int) -> None:
        frames = min(len(self._caller), len(self._agent))
        if frames < max(least, 1):
            return
        left = np.concatenate(self._caller[:frames])
        right = np.concatenate(self._agent[:frames])
        del self._caller[:frames], self._agent[:frames]
        self._disk.submit(self._write, np.column_stack([left, right]))

    def _write(self, stereo: np.ndarray) -> None:
        if self._failed:
            return
        try:
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = wave.open(str(self._path), "wb")  # noqa: SIM115 (open as long as the call)
                self._file.setnchannels(2)
                self._file.setsampwidth(2)
                self._file.setframerate(PHONE_RATE_HZ)
            self._file.writeframes(stereo.astype("<i2", copy=False).tobytes())
        except OSError as error:
            self._failed = True
            log.error("recording %s ends: %s; check media.record_dir", self._path, error)

    def close(self) -> None:
        self._flush(1)
        self._disk.submit(self._close)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
