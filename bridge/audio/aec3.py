"""WebRTC AEC3 from the `livekit` package, at the phone's own 8 kHz.

The engine works at 16 kHz inside; its own resampling is cheaper than ours and as good. It takes
10 ms frames through a foreign-function interface whose requests are protocol buffers. Ours never
change, only the samples that they point to, so they are serialised once: that is a third of the
whole cost. A version of the package without the parts that this needs is used by its public calls.
"""

import ctypes
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bridge.audio.canceller import CancellerUnavailable
from bridge.audio.frames import FRAME_SAMPLES, PHONE_RATE_HZ

CHUNK_SAMPLES = PHONE_RATE_HZ // 100
"""10 ms: what the engine takes at a time."""
_SAMPLE_BYTES = 2


class Aec3:
    """One call's canceller (see `bridge.audio.canceller.Canceller`)."""

    delay_samples = 88
    """11 ms: 8 in the engine's blocks, 3 in its resampling."""

    def __init__(self, prepared: bool = True) -> None:
        """`prepared`: use requests that are serialised once, where the package allows it.

        Raises CancellerUnavailable.
        """
        try:
            from livekit import rtc

            self._engine = rtc.AudioProcessingModule(echo_cancellation=True)
        except Exception as error:
            raise CancellerUnavailable(
                f"the echo canceller of the livekit package does not load: {error}; install it "
                'with "pip install livekit", or choose canceller = "none" for legs whose far end '
                "cancels echo"
            ) from error
        # bytearrays: their address holds for as long as nobody resizes them.
        self._near_bytes = bytearray(CHUNK_SAMPLES * _SAMPLE_BYTES)
        self._far_bytes = bytearray(CHUNK_SAMPLES * _SAMPLE_BYTES)
        self._near = np.frombuffer(self._near_bytes, np.int16)
        self._far = np.frombuffer(self._far_bytes, np.int16)
        steps = self._prepared_steps() if prepared else None
        self._take_far, self._clean_near = steps or self._public_steps()

    def process(self, near: NDArray[np.int16], far: NDArray[np.int16]) -> NDArray[np.int16]:
        """int16 `[160]` of the caller and of what the phone was sent; the caller, cleaned."""
        made = np.empty(FRAME_SAMPLES, np.int16)
        for start in range(0, FRAME_SAMPLES, CHUNK_SAMPLES):
            end = start + CHUNK_SAMPLES
            self._far[:] = far[start:end]
            self._near[:] = near[start:end]
            self._take_far()
            self._clean_near()
            made[start:end] = self._near
        return made

    def _public_steps(self) -> tuple[Callable[[], None], Callable[[], None]]:
        from livekit import rtc

        far = rtc.AudioFrame(self._far_bytes, PHONE_RATE_HZ, 1, CHUNK_SAMPLES)
        near = rtc.AudioFrame(self._near_bytes, PHONE_RATE_HZ, 1, CHUNK_SAMPLES)
        # AudioFrame copies what it is given; both sides are to see the same samples.
        self._far = np.frombuffer(far.data, np.int16)
        self._near = np.frombuffer(near.data, np.int16)
        engine = self._engine
        return (lambda: engine.process_reverse_stream(far)), (lambda: engine.process_stream(near))

    def _prepared_steps(self) -> tuple[Callable[[], None], Callable[[], None]] | None:
        """None when this version of the package is built otherwise."""
        try:
            from livekit.rtc._ffi_client import FfiClient
            from livekit.rtc._proto.ffi_pb2 import FfiRequest

            library = FfiClient.instance._ffi_lib
            handle = self._engine._ffi_handle.handle
            steps = []
            for kind, samples in (
                ("apm_process_reverse_stream", self._far_bytes),
                ("apm_process_stream", self._near_bytes),
            ):
                request = FfiRequest()
                fields = getattr(request, kind)
                fields.apm_handle = handle
                fields.data_ptr = ctypes.addressof(ctypes.c_char.from_buffer(samples))
                fields.size = len(samples)
                fields.sample_rate = PHONE_RATE_HZ
                fields.num_channels = 1
                steps.append(_prepared(library, request.SerializeToString()))
        except (ImportError, AttributeError, TypeError, ValueError):
            return None
        return steps[0], steps[1]


def _prepared(library: ctypes.CDLL, request: bytes) -> Callable[[], None]:
    """A call that makes `request` again and again, and lets go of each answer."""
    ask, drop = library.livekit_ffi_request, library.livekit_ffi_drop_handle
    size = len(request)
    pointer = ctypes.cast(ctypes.c_char_p(request), ctypes.POINTER(ctypes.c_ubyte))
    answer = ctypes.POINTER(ctypes.c_ubyte)()
    answer_size = ctypes.c_size_t()
    to_answer, to_size = ctypes.byref(answer), ctypes.byref(answer_size)

    def step() -> None:
        assert request  # what `pointer` points to lives as long as this call
        drop(ask(pointer, size, to_answer, to_size))

    return step
