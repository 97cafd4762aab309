"""WAV files that may be played on a call: what a file holds, without reading its samples.

Taken are PCM of 16 bits, A-law and mu-law, mono or stereo, 8 to 48 kHz (RIFF; the codes are of
RFC 2361, 0xFFFE names its code in an extension).
"""

import os
import stat
import struct
from dataclasses import dataclass
from typing import BinaryIO

MAX_SECS = 120
MIN_RATE_HZ, MAX_RATE_HZ = 8000, 48_000
_MAX_CHUNKS = 64
_FORMATS = {1: ("pcm", 16), 6: ("g711_alaw", 8), 7: ("g711_ulaw", 8)}
_EXTENSIBLE = 0xFFFE


class NotPlayable(ValueError):
    """The text says why, for who can change the file."""


@dataclass(frozen=True, slots=True)
class WaveInfo:
    coding: str
    """`pcm` (int16 little-endian), `g711_alaw` or `g711_ulaw`."""
    channels: int
    """1 or 2."""
    rate_hz: int
    offset: int
    """Of the first sample, in bytes."""
    size: int
    """Of the samples, in bytes."""

    @property
    def secs(self) -> float:
        width = 2 if self.coding == "pcm" else 1
        return self.size / (width * self.channels * self.rate_hz)


def inspect(path: str) -> WaveInfo:
    """What a file holds. Raises NotPlayable."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise NotPlayable("is not a regular file")
            length = os.fstat(file.fileno()).st_size
            return _chunks(file, length)
    except OSError as error:
        raise NotPlayable(f"cannot be read: {error.strerror}") from None
    except ValueError as error:  # a NUL in the path, among others
        raise error if isinstance(error, NotPlayable) else NotPlayable(str(error)) from None


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _chunks(file: BinaryIO, length: int) -> WaveInfo:
    head = file.read(12)
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise NotPlayable("is not a WAV file")
    described: tuple[str, int, int] | None = None
    for _ in range(_MAX_CHUNKS):
        begin = file.read(8)
        if len(begin) < 8:
            break
        name, size = begin[:4], int.from_bytes(begin[4:], "little")
        if name == b"fmt ":
            described = _format(file.read(min(size, 64)))
            file.seek(max(0, size - 64) + size % 2, os.SEEK_CUR)
        elif name == b"data":
            if described is None:
                break
            offset = file.tell()
            info = WaveInfo(*described, offset, min(size, length - offset))
            if info.secs > MAX_SECS:
                raise NotPlayable(f"lasts {info.secs:.0f} s, over {MAX_SECS}")
            if info.secs < 0.02:
                raise NotPlayable("holds no sound")
            return info
        else:
            file.seek(size + size % 2, os.SEEK_CUR)
    raise NotPlayable("is a WAV file without sound")


def _format(chunk: bytes) -> tuple[str, int, int]:
    if len(chunk) < 16:
        raise NotPlayable("is a damaged WAV file")
    code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if code == _EXTENSIBLE and len(chunk) >= 26:
        code = int.from_bytes(chunk[24:26], "little")
    coding, wanted = _FORMATS.get(code, ("", 0))
    if not coding or bits != wanted:
        raise NotPlayable("must be PCM of 16 bits, A-law or mu-law; convert it with sox or ffmpeg")
    if channels not in (1, 2):
        raise NotPlayable(f"has {channels} channels; one or two can be played")
    if not MIN_RATE_HZ <= rate <= MAX_RATE_HZ:
        raise NotPlayable(f"has {rate} Hz, which is not within {MIN_RATE_HZ} and {MAX_RATE_HZ}")
    return coding, channels, rate
