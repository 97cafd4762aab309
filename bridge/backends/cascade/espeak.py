"""Text to speech by espeak-ng, in this process: a sentence takes it some 10 ms."""

import asyncio
import ctypes
import ctypes.util
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soxr

from bridge.backends.cascade.interface import Pcm, StageFailed
from bridge.backends.cascade.options import TtsOptions
from bridge.backends.options import Unusable

MISSING = (
    "espeak-ng is not here: pip install 'clutchcall-sip-plugin[assistant]', or a libespeak-ng of "
    "the system (Debian: apt-get install libespeak-ng1)"
)
MAX_SECS = 60
"""Of one sentence; more is cut."""

_SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT
_UTF8 = 1
_RATE, _PITCH = 1, 3  # espeak_PARAMETER
_ON_SOUND = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class _Library:
    """The library has one voice at a time and one place for what it says: one uses it at a time."""

    _only: "_Library | None" = None

    def __init__(self) -> None:
        path, data = _find()
        self._lib = ctypes.CDLL(path)
        self.rate_hz = self._lib.espeak_Initialize(_SYNCHRONOUS, 0, data, 0)
        if self.rate_hz <= 0:
            raise Unusable("tts", f"espeak-ng does not start: {path} finds no data")
        self._sound: list[Pcm] = []
        self._samples = 0
        self._callback = _ON_SOUND(self._on_sound)  # kept: the library holds a bare pointer
        self._lib.espeak_SetSynthCallback(self._callback)
        self._busy = threading.Lock()
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="espeak")

    @classmethod
    def get(cls) -> "_Library":
        if cls._only is None:
            cls._only = cls()
        return cls._only

    def has_voice(self, voice: str) -> bool:
        with self._busy:
            return self._lib.espeak_SetVoiceByName(voice.encode()) == 0

    def synthesise(self, text: str, options: TtsOptions) -> Pcm:
        """int16 `[n]` at `rate_hz`, which is the library's."""
        data = text.encode("utf-8", "replace") + b"\0"
        with self._busy:
            self._sound, self._samples = [], 0
            self._lib.espeak_SetVoiceByName(options.voice.encode())
            self._lib.espeak_SetParameter(_RATE, options.words_per_minute, 0)
            self._lib.espeak_SetParameter(_PITCH, options.pitch, 0)
            failed = self._lib.espeak_Synth(data, len(data), 0, 0, 0, _UTF8, None, None)
            if failed:
                raise StageFailed("backend_error", f"espeak-ng failed with {failed}")
            return np.concatenate(self._sound) if self._sound else np.zeros(0, np.int16)

    def _on_sound(self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, _: object) -> int:
        if count > 0:
            self._sound.append(np.ctypeslib.as_array(samples, (count,)).copy())
            self._samples += count
        return int(self._samples > MAX_SECS * self.rate_hz)  # 1 stops it


class Espeak:
    rate_hz = 24_000

    def __init__(self, options: TtsOptions) -> None:
        """Raises Unusable when it is not installed, or has no such voice."""
        self._options = options
        self._library = _Library.get()
        if not self._library.has_voice(options.voice):
            raise Unusable("tts.voice", f"espeak-ng has no voice {options.voice}")

    async def ready(self) -> None:
        """Always."""

    async def speak(self, text: str) -> AsyncIterator[Pcm]:
        loop = asyncio.get_running_loop()
        yield await loop.run_in_executor(self._library.thread, self.say, text, self.rate_hz)

    def say(self, text: str, rate_hz: int) -> Pcm:
        """The whole sound at once, int16 `[n]`. Blocks."""
        made = self._library.synthesise(text, self._options)
        return soxr.resample(made, self._library.rate_hz, rate_hz, quality="HQ")


def _find() -> tuple[str, bytes | None]:
    """Library and data: of the wheel, else of the system."""
    try:
        import espeakng_loader
    except ImportError:
        path = ctypes.util.find_library("espeak-ng")
        if path is None:
            raise Unusable("tts", MISSING) from None
        return path, None
    return (
        str(espeakng_loader.get_library_path()),
        str(Path(espeakng_loader.get_data_path())).encode(),
    )
