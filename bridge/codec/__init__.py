"""Codecs of the model leg, by the names of `open`: docs/wire.md."""

from typing import get_args

from bridge.audio.frames import FRAME_MS
from bridge.codec.g711 import G711Codec
from bridge.codec.interface import (
    CodecError,
    CodecName,
    CodecUnavailable,
    Decoder,
    Encoder,
    Pcm,
)
from bridge.codec.pcm import PcmCodec

CODECS: tuple[CodecName, ...] = get_args(CodecName)
G711: tuple[CodecName, ...] = ("g711_ulaw", "g711_alaw")
RATES_HZ = (8000, 16_000, 24_000, 48_000)

__all__ = [
    "CODECS",
    "G711",
    "RATES_HZ",
    "CodecError",
    "CodecName",
    "CodecUnavailable",
    "Decoder",
    "Encoder",
    "G711Codec",
    "Pcm",
    "check",
    "decoder",
    "encoder",
    "frame_samples",
    "frame_secs",
    "frames_of",
]


def check(codec: CodecName, rate_hz: int) -> None:
    """Raises ValueError for a rate that the codec does not have."""
    if codec in G711 and rate_hz != 8000:
        raise ValueError(f"{codec} is at 8000 Hz, not {rate_hz}")


def encoder(codec: CodecName, rate_hz: int) -> Encoder:
    """One direction of one call. Raises CodecUnavailable."""
    if codec == "opus":
        from bridge.codec.opus import OpusEncoder

        return OpusEncoder(rate_hz)
    return G711Codec(codec) if codec in G711 else PcmCodec()


def decoder(codec: CodecName, rate_hz: int) -> Decoder:
    """One direction of one call. Raises CodecUnavailable."""
    if codec == "opus":
        from bridge.codec.opus import OpusDecoder

        return OpusDecoder(rate_hz)
    return G711Codec(codec) if codec in G711 else PcmCodec()


def frames_of(codec: CodecName, rate_hz: int) -> int:
    """Frames on the wire for 20 ms of audio: PCM at 48 kHz needs two, or no packet carries it."""
    return 2 if codec == "pcm16" and rate_hz > 24_000 else 1


def frame_samples(codec: CodecName, rate_hz: int) -> int:
    """Of one frame on the wire: 20 ms, of PCM at 48 kHz 10."""
    return rate_hz * FRAME_MS // 1000 // frames_of(codec, rate_hz)


def frame_secs(codec: CodecName, rate_hz: int) -> float:
    """The same in seconds."""
    return FRAME_MS / 1000 / frames_of(codec, rate_hz)
