"""What a codec of the model leg is: a core for each direction of a call, fed frame by frame."""

from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

CodecName = Literal["pcm16", "opus", "g711_ulaw", "g711_alaw"]
OPUS_MISSING = "opus needs PyAV: pip install 'clutchcall-sip-plugin[opus]'"
Pcm = npt.NDArray[np.int16]
"""int16 `[n]`, mono."""


class CodecError(ValueError):
    """Bytes that are not of this codec."""


class CodecUnavailable(Exception):
    """This installation cannot speak it; the message says what is missing."""


class Encoder(Protocol):
    def encode(self, pcm: Pcm) -> bytes:
        """One frame of `frame_samples`, in order; the last of a reply may be shorter."""


class Decoder(Protocol):
    def decode(self, payload: bytes) -> Pcm:
        """One frame, in order. Raises CodecError, after which it may be used on."""
