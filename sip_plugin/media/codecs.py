"""A phone's audio in its codec: 20 ms of PCM at 8 kHz to 160 bytes, and back; at 16 kHz where the
codec is wideband.

Every codec that is spoken has one byte for each tick of its RTP clock of 8 kHz.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bridge.audio import g711, g722
from bridge.audio.frames import FRAME_SAMPLES, PHONE_RATE_HZ
from bridge.audio.resample import Resampler
from bridge.audio.wideband import WIDE_RATE_HZ, BandSplit
from sip_plugin.media.description import PhoneCodec

Pcm = NDArray[np.int16]

SILENCE: Pcm = np.zeros(FRAME_SAMPLES, np.int16)
SILENCE.flags.writeable = False
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


class Encoded(NamedTuple):
    payload: bytes
    """160 bytes."""
    low: Pcm
    """int16[160] at 8 kHz: what of it a narrowband call has."""


_SILENCE = {
    codec: Encoded(g711.encode(codec, SILENCE), SILENCE) for codec in (g711.ULAW, g711.ALAW)
}


class G711Encoder:
    rate_hz = PHONE_RATE_HZ

    def __init__(self, codec: str) -> None:
        self._codec = codec

    def encode(self, pcm: Pcm) -> Encoded:
        return Encoded(g711.encode(self._codec, pcm), pcm)

    def silence(self) -> Encoded:
        """The next frame, when there is nothing to say."""
        return _SILENCE[self._codec]

    def as_decoded(self, coded: Encoded) -> Pcm:
        """int16[160] at 8 kHz: what the phone makes of a frame."""
        return g711.decode(self._codec, coded.payload)


class G722Encoder:
    rate_hz = WIDE_RATE_HZ

    def __init__(self) -> None:
        self._coder = g722.Encoder(WIDE_RATE_HZ)
        self._up = Resampler(PHONE_RATE_HZ, WIDE_RATE_HZ)
        self._down = Resampler(WIDE_RATE_HZ, PHONE_RATE_HZ)

    def encode(self, pcm: Pcm) -> Encoded:
        """int16[320] at 16 kHz; or [160] at 8 kHz, as silence, prompts and narrow voices are."""
        if len(pcm) == FRAME_SAMPLES:
            return Encoded(self._coder.encode(self._up.push(pcm)), pcm)
        return Encoded(self._coder.encode(pcm), self._down.push(pcm))

    def silence(self) -> Encoded:
        """The next frame, when there is nothing to say: as the last one fades, not a fixed one."""
        return self.encode(SILENCE)

    def as_decoded(self, coded: Encoded) -> Pcm:
        """What G.722 adds to the lower band is too little to be worth a decoder of its own."""
        return coded.low


def decoder_of(codec: PhoneCodec) -> G711Decoder | G722Decoder:
    return G722Decoder() if codec is PhoneCodec.G722 else G711Decoder(codec.value)


def encoder_of(codec: PhoneCodec) -> G711Encoder | G722Encoder:
    return G722Encoder() if codec is PhoneCodec.G722 else G711Encoder(codec.value)
