"""Speech probability of many calls at once: Silero VAD v6 at 8 kHz on onnxruntime.

One inference serves all calls of a tick, which costs a fifth of one inference a call. The
model and its licence are in `data/`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from bridge.audio.frames import FRAME_SAMPLES, PHONE_RATE_HZ

WINDOW_SAMPLES = 256
"""32 ms: what the model judges at a time."""
_CONTEXT_SAMPLES = 32  # the end of the window before, which the model wants in front
_STATE = (2, 128)
_MODEL = Path(__file__).parent / "data" / "silero_vad.onnx"
_CAPACITY = 16  # slots to begin with; doubled as needed
_FULL_SCALE = np.float32(1 / 32768)


class BatchVad:
    """A slot a call. Frames gather in it until they fill a window, so that the probability of
    a slot is that of its last complete window: 0 to 12 ms old, and 0.0 before the first one.
    """

    def __init__(self) -> None:
        self._session = _load()
        self._rate = np.array(PHONE_RATE_HZ, np.int64)
        self._free: list[int] = []
        self._audio = np.zeros((0, _CONTEXT_SAMPLES + WINDOW_SAMPLES + FRAME_SAMPLES), np.float32)
        """Of each slot: context, then the samples of the window that is being gathered."""
        self._fill = np.zeros(0, np.intp)
        self._state = np.zeros((_STATE[0], 0, _STATE[1]), np.float32)
        self._probability = np.zeros(0, np.float32)
        self._columns = np.arange(FRAME_SAMPLES) + _CONTEXT_SAMPLES

    def open(self) -> int:
        """A slot with a fresh state, until `close`."""
        if not self._free:
            self._grow()
        slot = self._free.pop()
        self._audio[slot] = 0.0
        self._fill[slot] = 0
        self._state[:, slot] = 0.0
        self._probability[slot] = 0.0
        return slot

    def close(self, slot: int) -> None:
        """Give the slot back. Raises ValueError when it is not open."""
        if not 0 <= slot < len(self._fill) or slot in self._free:
            raise ValueError(f"slot {slot} is not open")
        self._free.append(slot)

    def push(self, slots: Sequence[int], frames: NDArray[np.int16]) -> NDArray[np.float32]:
        """One 20 ms frame of each of `slots` (open, each at most once): int16 `[n, 160]`.

        Returns float32 `[n]`, the latest speech probability of each, 0 to 1. No slot has taken a
        frame when it raises.
        """
        rows = np.asarray(slots, np.intp)
        if frames.shape != (len(rows), FRAME_SAMPLES):
            raise ValueError(f"expected {(len(rows), FRAME_SAMPLES)} samples, got {frames.shape}")
        fill = self._fill[rows]
        self._audio[rows[:, None], fill[:, None] + self._columns] = frames * _FULL_SCALE
        fill += FRAME_SAMPLES
        complete = rows[fill >= WINDOW_SAMPLES]
        if complete.size:
            self._judge(complete)
            fill[fill >= WINDOW_SAMPLES] -= WINDOW_SAMPLES
        self._fill[rows] = fill
        return self._probability[rows]

    def _judge(self, rows: NDArray[np.intp]) -> None:
        inputs = {
            "input": self._audio[rows, : _CONTEXT_SAMPLES + WINDOW_SAMPLES],
            "state": self._state[:, rows],
            "sr": self._rate,
        }
        probability, state = self._session.run(None, inputs)
        self._probability[rows] = probability[:, 0]
        self._state[:, rows] = state
        keep = _CONTEXT_SAMPLES + FRAME_SAMPLES
        self._audio[rows, :keep] = self._audio[rows, -keep:]

    def _grow(self) -> None:
        old = len(self._fill)
        new = max(2 * old, _CAPACITY)
        more = new - old
        self._audio = np.pad(self._audio, ((0, more), (0, 0)))
        self._fill = np.pad(self._fill, (0, more))
        self._state = np.pad(self._state, ((0, 0), (0, more), (0, 0)))
        self._probability = np.pad(self._probability, (0, more))
        self._free = list(range(new - 1, old - 1, -1))


def _load() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    # The worker has one core: no pool of threads, and none that spins for work between ticks.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(_MODEL), options, providers=["CPUExecutionProvider"])
