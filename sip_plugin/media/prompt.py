"""A prompt: a file as the phone hears it, frame by frame, so many times, with pauses between."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bridge.audio import g711
from bridge.audio.frames import FRAME_MS, FRAME_SAMPLES, PHONE_RATE_HZ
from sip_plugin.media.wavefile import NotPlayable, inspect

PAUSE_MS = 1000


@dataclass(frozen=True, slots=True)
class PromptFrame:
    pcm: NDArray[np.int16]
    """int16 `[160]` at 8 kHz."""
    starts: bool
    """The first one after silence."""


class Prompt:
    """Core without a clock: whoever sends RTP asks for one frame a slot until it is over."""

    def __init__(self, pcm: NDArray[np.int16], times: int) -> None:
        """`pcm`: int16 `[n]` at 8 kHz."""
        self._frames = self._all_of(pcm, times)
        self._next = next(self._frames, None)
        self._is_over = False

    @property
    def waiting(self) -> bool:
        """The next frame is sound."""
        return self._next is not None

    @property
    def over(self) -> bool:
        return self._is_over

    def pull(self) -> PromptFrame | None:
        """The frame for this slot; None is silence, and at the end `over`."""
        frame = self._next
        try:
            self._next = next(self._frames)
        except StopIteration:
            self._next = None
            self._is_over = True
        return frame

    def _all_of(self, pcm: NDArray[np.int16], times: int) -> Iterator[PromptFrame | None]:
        whole = np.zeros(-(-len(pcm) // FRAME_SAMPLES) * FRAME_SAMPLES, np.int16)
        whole[: len(pcm)] = pcm
        for turn in range(times):
            for place, frame in enumerate(whole.reshape(-1, FRAME_SAMPLES)):
                yield PromptFrame(frame, starts=place == 0)
            if turn + 1 < times:
                yield from (None for _ in range(PAUSE_MS // FRAME_MS))


def load(path: str) -> NDArray[np.int16]:
    """The sound of a WAV file, int16 `[n]` at 8 kHz, its channels mixed. Raises NotPlayable.

    Takes a while for a long file: not for a thread that has calls.
    """
    info = inspect(path)
    try:
        with open(path, "rb") as file:
            file.seek(info.offset)
            payload = file.read(info.size)
    except OSError as error:
        raise NotPlayable(f"cannot be read: {error.strerror}") from None
    if info.coding == "pcm":
        pcm = np.frombuffer(payload[: len(payload) // 2 * 2], "<i2").astype(np.int16)
    else:
        pcm = g711.decode(info.coding, payload)
    if info.channels == 2:
        pairs = pcm[: len(pcm) // 2 * 2].reshape(-1, 2).astype(np.int32)
        pcm = (pairs.sum(axis=1) // 2).astype(np.int16)
    return _at_phone_rate(pcm, info.rate_hz)


def _at_phone_rate(pcm: NDArray[np.int16], rate_hz: int) -> NDArray[np.int16]:
    """Band-limited over the whole file, which no stream could be."""
    if rate_hz == PHONE_RATE_HZ or not len(pcm):
        return pcm
    secs = -(-len(pcm) // rate_hz)
    padded = np.zeros(secs * rate_hz, np.float32)
    padded[: len(pcm)] = pcm
    spectrum = np.fft.rfft(padded)[: secs * PHONE_RATE_HZ // 2 + 1]
    spectrum[-1] = 0.0
    resampled = np.fft.irfft(spectrum, secs * PHONE_RATE_HZ) * (PHONE_RATE_HZ / rate_hz)
    length = round(len(pcm) * PHONE_RATE_HZ / rate_hz)
    return np.clip(np.rint(resampled[:length]), -32768, 32767).astype(np.int16)
