"""A phone's audio in its codec: 20 ms of 8 kHz PCM to 160 bytes, and back.

Every codec that is spoken has one byte for each tick of its RTP clock of 8 kHz.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bridge.audio import g711, g722
from bridge.audio.wideband import BandSplit
from sip_plugin.media.description import PhoneCodec

Pcm = NDArray[np.int16]

SILENT_PEAK = 200
"""Frames that stay below (-44 dBFS) may be dropped unheard."""


class Decoded(NamedTuple):
    pcm: Pcm
    """int16[160] at 8 kHz."""
    high: Pcm | None = None
    """int16[320] at 16 kHz: what a wideband codec has above it (`BandSplit`)."""


def _loud_codes(codec: str) -> bytes:
    """A table for bytes.translate: 1 for every code above the peak of silence."""
    pcm = g711.decode(codec, bytes(range(256))).astype(np.int32)
    return (np.abs(pcm) > SILENT_PEAK).astype(np.uint8).tobytes()


_LOUD = {codec: _loud_codes(codec) for codec in (g711.ULAW, g711.ALAW)}


class G711Decoder:
    def __init__(self, codec: str) -> None:
        self._codec = codec

    def decode(self, payload: bytes) -> Decoded:
        return Decoded(g711.decode(self._codec, payload))

    def is_silent(self, payload: bytes) -> bool:
        """Whether nothing is lost when this frame is left out."""
        return 1 not in payload.translate(_LOUD[self._codec])


class G722Decoder:
    def __init__(self) -> None:
        self._decoder = g722.Decoder()
        self._split = BandSplit()

    def decode(self, payload: bytes) -> Decoded:
        return Decoded(*self._split.push(self._decoder.decode(payload)))

    def is_silent(self, payload: bytes) -> bool:
        """Its codes tell only a difference: nothing is known before they are decoded in turn."""
        return False


class G711Encoder:
    def __init__(self, codec: str) -> None:
        self._codec = codec

    def encode(self, pcm: Pcm) -> bytes:
        return g711.encode(self._codec, pcm)


def decoder_of(codec: PhoneCodec) -> G711Decoder | G722Decoder:
    return G722Decoder() if codec is PhoneCodec.G722 else G711Decoder(codec.value)


def encoder_of(codec: PhoneCodec) -> G711Encoder | g722.Encoder:
    return g722.Encoder() if codec is PhoneCodec.G722 else G711Encoder(codec.value)
