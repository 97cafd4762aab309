"""Reads WAV files as telephone systems write them: linear, float and G.711, any rate.

The standard library's reader knows linear samples only. A header that was never completed (a
recorder that died: sizes of 0 or 4 GiB) is taken for a file that goes to its end.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bridge.audio import g711
from bridge.audio.frames import PHONE_RATE_HZ

RATES_HZ = (4000, 384_000)
"""Anything outside is no recording of speech, but a broken header."""
_LINEAR, _FLOAT, _ALAW, _ULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_ALAW_SILENCE = 8  # A-law has no zero: silence is this, or its negative


class WavError(ValueError):
    """The file cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Format:
    """The `fmt ` chunk."""

    tag: int
    channels: int
    rate_hz: int
    bits: int


def read(path: Path) -> list[NDArray[np.int16]]:
    """The channels, int16 at 8 kHz. Raises WavError, and OSError when there is no such file."""
    data = path.read_bytes()
    form, body = _chunks(path, data)
    channels = _samples(path, form, body)
    return [_at_phone_rate(channel, form.rate_hz) for channel in channels]


def _chunks(path: Path, data: bytes) -> tuple[Format, bytes]:
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise WavError(
            f"{path} is not a WAV file; convert it, for example with: ffmpeg -i {path.name} out.wav"
        )
    form: Format | None = None
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        at += 8
        if name == b"fmt ":
            form = _format(path, data[at : at + size])
        elif name == b"data":
            if form is None:
                raise WavError(f"{path}: its samples come before their format")
            unfinished = size == 0 or at + size > len(data)
            return form, data[at:] if unfinished else data[at : at + size]
        at += size + size % 2
    raise WavError(f"{path}: there are no samples in it")


def _format(path: Path, chunk: bytes) -> Format:
    if len(chunk) < 16:
        raise WavError(f"{path}: its format chunk is cut off")
    tag, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == _EXTENSIBLE and len(chunk) >= 26:
        (tag,) = struct.unpack_from("<H", chunk, 24)
    if not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
        raise WavError(f"{path}: a sampling rate of {rate_hz} Hz is not that of a recording")
    if channels not in (1, 2):
        raise WavError(f"{path}: {channels} channels; mono, or stereo with the caller left")
    return Format(tag, channels, rate_hz, bits)


def _samples(path: Path, form: Format, body: bytes) -> list[NDArray[np.float32]]:
    """A row a channel, in units of 16-bit samples."""
    width = form.bits // 8 * form.channels
    body = body[: len(body) // width * width] if width else b""
    match form.tag, form.bits:
        case _Tag.LINEAR, 8:
            flat = (np.frombuffer(body, np.uint8).astype(np.float32) - 128) * 256
        case _Tag.LINEAR, 16:
            flat = np.frombuffer(body, "<i2").astype(np.float32)
        case _Tag.LINEAR, 24:
            flat = _of_24_bits(body)
        case _Tag.LINEAR, 32:
            flat = np.frombuffer(body, "<i4").astype(np.float32) / 65536
        case _Tag.FLOAT, 32 | 64:
            finite = np.nan_to_num(np.frombuffer(body, f"<f{form.bits // 8}"))
            flat = np.clip(finite, -1.0, 1.0).astype(np.float32) * 32768
        case _Tag.ULAW, 8:
            flat = g711.decode(g711.ULAW, body).astype(np.float32)
        case _Tag.ALAW, 8:
            flat = g711.decode(g711.ALAW, body).astype(np.float32)
            flat[np.abs(flat) == _ALAW_SILENCE] = 0
        case _:
            raise WavError(
                f"{path}: no reader for its samples (format {form.tag}, {form.bits} bits); "
                f"convert it, for example with: ffmpeg -i {path.name} -c:a pcm_s16le out.wav"
            )
    return list(flat.reshape(-1, form.channels).T)


class _Tag:
    """Names with a dot, as `match` wants them."""

    LINEAR, FLOAT, ALAW, ULAW = _LINEAR, _FLOAT, _ALAW, _ULAW


def _of_24_bits(body: bytes) -> NDArray[np.float32]:
    low, middle, high = np.frombuffer(body, np.uint8).reshape(-1, 3).T.astype(np.int32)
    return (((high ^ 0x80) - 0x80) * 256 + middle + low / 256).astype(np.float32)


def _at_phone_rate(samples: NDArray[np.float32], rate_hz: int) -> NDArray[np.int16]:
    if rate_hz != PHONE_RATE_HZ:
        import soxr

        # As float: its 16-bit output is dithered, and silence would be no silence any more.
        samples = soxr.resample(samples, rate_hz, PHONE_RATE_HZ)
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)
