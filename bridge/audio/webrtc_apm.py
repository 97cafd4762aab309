"""The older WebRTC canceller, from `webrtc-audio-processing`: a fifth of the cost of AEC3.

An optional extra, since it is built from source (swig, a C++ compiler) and works on Python 3.11
only, where its loader still finds the module `imp`. It must be told how late the echo is, within
some 50 ms, and takes more of the caller away while both speak.
"""

import numpy as np
from numpy.typing import NDArray

from bridge.audio.canceller import CancellerUnavailable
from bridge.audio.frames import FRAME_SAMPLES, PHONE_RATE_HZ

CHUNK_SAMPLES = PHONE_RATE_HZ // 100
"""10 ms: what the engine takes at a time."""
_AEC = 2
"""The full canceller; 1 is the one for handsets, which lets no two speak at once."""


class WebrtcApm:
    """One call's canceller (see `bridge.audio.canceller.Canceller`)."""

    delay_samples = 112
    """14 ms."""

    def __init__(self, delay_ms: int) -> None:
        """`delay_ms`: from the reference to its echo. Raises CancellerUnavailable."""
        try:
            from webrtc_audio_processing import AudioProcessingModule

            self._engine = AudioProcessingModule(_AEC, False, 0, False)
        except Exception as error:
            raise CancellerUnavailable(
                f"webrtc-audio-processing does not load: {error}; install it on Python 3.11 with "
                '"pip install clutchcall-sip-plugin[webrtc-apm]", which needs swig and g++, or '
                'choose canceller = "aec3"'
            ) from error
        # The rates of both sides: with the first one alone, frames of 16 kHz are written into
        # buffers of 8 kHz, and the process dies.
        self._engine.set_stream_format(PHONE_RATE_HZ, 1, PHONE_RATE_HZ, 1)
        self._engine.set_reverse_stream_format(PHONE_RATE_HZ, 1)
        self._engine.set_system_delay(delay_ms)

    def process(self, near: NDArray[np.int16], far: NDArray[np.int16]) -> NDArray[np.int16]:
        """int16 `[160]` of the caller and of what the phone was sent; the caller, cleaned."""
        made = np.empty(FRAME_SAMPLES, np.int16)
        for start in range(0, FRAME_SAMPLES, CHUNK_SAMPLES):
            end = start + CHUNK_SAMPLES
            self._engine.process_reverse_stream(far[start:end].tobytes())
            cleaned = self._engine.process_stream(near[start:end].tobytes())
            made[start:end] = np.frombuffer(cleaned, np.int16)
        return made
