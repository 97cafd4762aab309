"""G.711 companding by table (ITU-T G.711, tables 1 and 2): one look-up serves any number of frames.

Codecs are named as on the rest of the bridge: `g711_ulaw` and `g711_alaw`.
"""

import numpy as np
from numpy.typing import NDArray

ULAW = "g711_ulaw"
ALAW = "g711_alaw"

_ULAW_BIAS = 33  # in 14-bit units: makes every segment start at a power of two
_ULAW_CLIP = 8191 - _ULAW_BIAS  # beyond it everything has the code of the last step


def decode(codec: str, payload: bytes | NDArray[np.uint8]) -> NDArray[np.int16]:
    """PCM of `payload`: int16 of the same length, or of the same shape for a uint8 array.

    Raises KeyError for a codec that is not G.711.
    """
    codes = payload if isinstance(payload, np.ndarray) else np.frombuffer(payload, np.uint8)
    return _DECODE[codec].take(codes)


def encode(codec: str, pcm: NDArray[np.int16]) -> bytes:
    """One byte a sample, in C order. Raises KeyError for a codec that is not G.711."""
    return encode_array(codec, pcm).tobytes()


def encode_array(codec: str, pcm: NDArray[np.int16]) -> NDArray[np.uint8]:
    """As `encode`, keeping the shape: the form for a batch of frames `[calls, samples]`."""
    return _ENCODE[codec].take(pcm.view(np.uint16))


def _decode_table_ulaw() -> NDArray[np.int16]:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    segment, step = code >> 4 & 0x07, code & 0x0F
    magnitude = ((2 * step + _ULAW_BIAS) << segment) - _ULAW_BIAS
    return (np.where(code & 0x80, -magnitude, magnitude) * 4).astype(np.int16)


def _decode_table_alaw() -> NDArray[np.int16]:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    segment, step = code >> 4 & 0x07, code & 0x0F
    # Segments 0 and 1 share a step size; from there on it doubles.
    magnitude = np.where(segment == 0, 2 * step + 1, (2 * step + 33) << np.maximum(segment - 1, 0))
    return (np.where(code & 0x80, magnitude, -magnitude) * 8).astype(np.int16)


def _samples_by_bits() -> NDArray[np.int32]:
    """Every int16, ordered by its bits read as uint16: the order of an encode table."""
    return np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)


def _encode_table_ulaw() -> NDArray[np.uint8]:
    sample = _samples_by_bits() >> 2
    biased = np.minimum(np.abs(sample), _ULAW_CLIP) + _ULAW_BIAS
    segment = np.searchsorted(64 << np.arange(7), biased, side="right")
    code = segment << 4 | (biased >> (segment + 1) & 0x0F)
    return (code ^ np.where(sample < 0, 0x7F, 0xFF)).astype(np.uint8)


def _encode_table_alaw() -> NDArray[np.uint8]:
    sample = _samples_by_bits() >> 3
    # The negative half mirrors without a shared zero: -1 belongs to the first step below.
    magnitude = np.where(sample < 0, -sample - 1, sample)
    segment = np.searchsorted(32 << np.arange(7), magnitude, side="right")
    code = segment << 4 | (magnitude >> np.maximum(segment, 1) & 0x0F)
    return (code ^ np.where(sample < 0, 0x55, 0xD5)).astype(np.uint8)


_DECODE = {ULAW: _decode_table_ulaw(), ALAW: _decode_table_alaw()}
_ENCODE = {ULAW: _encode_table_ulaw(), ALAW: _encode_table_alaw()}
