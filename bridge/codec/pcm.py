"""Raw PCM, 16 bit, little-endian."""

import numpy as np

from bridge.codec.interface import CodecError, Pcm


class PcmCodec:
    """Either direction: it keeps no state."""

    def encode(self, pcm: Pcm) -> bytes:
        return pcm.astype("<i2", copy=False).tobytes()

    def decode(self, payload: bytes) -> Pcm:
        if not payload or len(payload) % 2:
            raise CodecError("PCM16 has two bytes a sample")
        return np.frombuffer(payload, "<i2")
