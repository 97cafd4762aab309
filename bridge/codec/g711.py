"""G.711 at 8000 Hz, one byte a sample."""

from bridge.audio import g711
from bridge.codec.interface import CodecError, Pcm


class G711Codec:
    """Either direction: it keeps no state."""

    def __init__(self, law: str) -> None:
        self._law = law

    def encode(self, pcm: Pcm) -> bytes:
        return g711.encode(self._law, pcm)

    def decode(self, payload: bytes) -> Pcm:
        if not payload:
            raise CodecError("an empty frame")
        return g711.decode(self._law, payload)

    def pcm(self, payload: bytes) -> bytes:
        """Any bytes as PCM16: all of them are of this codec."""
        return g711.decode(self._law, payload).tobytes()
