"""A prompt: a file as the phone hears it, frame by frame, so many times, with pauses between."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bridge.audio import g711
from bridge.audio.frames import FRAME_MS, PHONE_RATE_HZ
from bridge.audio.wideband import WIDE_RATE_HZ
from sip_plugin.media.wavefile import NotPlayable, inspect

PAUSE_MS = 1000


@dataclass(frozen=True, slots=True)
class Sound:
    """What a file holds, for both kinds of phones."""

    narrow: NDArray[np.int16]
    """int16 `[n]` at 8 kHz."""
    wide: NDArray[np.int16] | None = None
    """int16 `[2 n]`, give or take a sample, at 16 kHz; None where the file has no more."""

    @property
    def samples(self) -> int:
        return len(self.narrow) + (0 if self.wide is None else len(self.wide))


@dataclass(frozen=True, slots=True)
class PromptFrame:
    pcm: NDArray[np.int16]
    """int16 `[160]` at 8 kHz or `[320]` at 16."""
    starts: bool
    """The first one after silence."""


class Prompt:
    """Core without a clock: whoever sends RTP asks for one frame a slot until it is over."""

    def __init__(self, sound: Sound, times: int) -> None:
        self._narrow = _frames(sound.narrow, PHONE_RATE_HZ)
        self._wide = None if sound.wide is None else _frames(sound.wide, WIDE_RATE_HZ)
        self._places = _places(len(self._narrow), times)
        self._next = next(self._places, None)
        self._is_over = False

    @property
    def waiting(self) -> bool:
        """The next frame is sound."""
        return self._next is not None

    @property
    def over(self) -> bool:
        return self._is_over

    def pull(self, rate_hz: int) -> PromptFrame | None:
        """The frame for this slot; None is silence, and at the end `over`.

        `rate_hz`: what the phone takes. Frames are at 8 kHz all the same where the file has no
        more.
        """
        place = self._next
        try:
            self._next = next(self._places)
        except StopIteration:
            self._next = None
            self._is_over = True
        if place is None:
            return None
        is_wide = rate_hz == WIDE_RATE_HZ and self._wide is not None
        frames = self._wide if is_wide else self._narrow
        return PromptFrame(frames[min(place, len(frames) - 1)], starts=place == 0)


def _frames(pcm: NDArray[np.int16], rate_hz: int) -> NDArray[np.int16]:
    samples = rate_hz * FRAME_MS // 1000
    whole = np.zeros(-(-len(pcm) // samples) * samples, np.int16)
    whole[: len(pcm)] = pcm
    return whole.reshape(-1, samples)


def _places(frames: int, times: int) -> Iterator[int | None]:
    for turn in range(times):
        yield from range(frames)
        if turn + 1 < times:
            yield from (None for _ in range(PAUSE_MS // FRAME_MS))


def load(path: str) -> Sound:
    """The sound of a WAV file, its channels mixed. Raises NotPlayable.

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
    narrow = _resampled(pcm, info.rate_hz, PHONE_RATE_HZ)
    if info.rate_hz <= PHONE_RATE_HZ:
        return Sound(narrow)
    return Sound(narrow, _resampled(pcm, info.rate_hz, WIDE_RATE_HZ))


def _resampled(pcm: NDArray[np.int16], from_hz: int, to_hz: int) -> NDArray[np.int16]:
    """Band-limited over the whole file, which no stream could be."""
    if from_hz == to_hz or not len(pcm):
        return pcm
    secs = -(-len(pcm) // from_hz)
    padded = np.zeros(secs * from_hz, np.float32)
    padded[: len(pcm)] = pcm
    spectrum = np.zeros(secs * to_hz // 2 + 1, np.complex128)
    found = np.fft.rfft(padded)[: len(spectrum)]
    spectrum[: len(found)] = found
    spectrum[min(from_hz, to_hz) * secs // 2] = 0.0
    made = np.fft.irfft(spectrum, secs * to_hz) * (to_hz / from_hz)
    length = round(len(pcm) * to_hz / from_hz)
    return np.clip(np.rint(made[:length]), -32768, 32767).astype(np.int16)
