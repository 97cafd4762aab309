"""What the callers say: in each phase of the clock the frames that are due, of all calls at once.

A batch has a frame of each call at most. It is filtered and brought to the model's rate for all in
one go, and sent. Only then is it judged for speech, with what has come by the next phase: the model
has the caller's words by then, and half as many inferences cost little more than half.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bridge.audio.highpass import filter_batch
from bridge.audio.level import dbfs
from bridge.audio.resample import Resampler, resample_batch
from bridge.audio.vad import BatchVad
from sip_plugin.media.call import MediaCall
from sip_plugin.media.caller_frames import CallerFrame
from sip_plugin.media.guard import Guard

_NEVER = float("-inf")

Pcm = NDArray[np.int16]


class Intake:
    """All calls of a worker."""

    def __init__(self, guard: Guard, flush: Callable[[], None]) -> None:
        """`flush` sends what the calls gave to their model legs."""
        self._guard = guard
        self._flush = flush
        self._vad = BatchVad()
        self._slots: dict[MediaCall, int] = {}
        self._looked_at = _NEVER
        self._sent: dict[MediaCall, Pcm] = {}
        """Frames that are to be judged."""

    def open(self, call: MediaCall) -> None:
        self._slots[call] = self._vad.open()

    def close(self, call: MediaCall) -> None:
        self._sent.pop(call, None)
        self._vad.close(self._slots.pop(call))

    def hear(self, now: float) -> None:
        """Send every frame that is due to its model. The sockets have been read."""
        waiting: list[tuple[MediaCall, list[CallerFrame]]] = []
        for call in self._slots:
            if call.due_at <= now:
                frames = self._guard.run(call, call.caller_frames, now, self._looked_at)
                if frames:
                    waiting.append((call, frames))
        self._looked_at = now
        while waiting:
            self._batch([(call, frames[0]) for call, frames in waiting], now)
            waiting = [(call, frames[1:]) for call, frames in waiting if len(frames) > 1]

    def judge(self, now: float) -> None:
        """Find out what is speech, and what follows, of all that was sent since the last time."""
        sent, self._sent = self._sent, {}
        if not sent:
            return
        frames = [(call, self._slots[call], pcm) for call, pcm in sent.items()]
        frames, found = self._guard.together(frames, self._speech)
        for (call, _, pcm), (probability, level) in zip(frames, found.tolist(), strict=True):
            self._guard.run(call, call.judge, pcm, probability, level, now)

    def _speech(self, frames: list[tuple[MediaCall, int, Pcm]]) -> NDArray[np.float64]:
        """Speech probability and level of each."""
        batch = np.array([pcm for _, _, pcm in frames])
        levels = dbfs(batch)  # keeps no state, so it may fail first
        return np.column_stack((self._vad.push([slot for _, slot, _ in frames], batch), levels))

    def _batch(self, due: list[tuple[MediaCall, CallerFrame]], now: float) -> None:
        if any(call in self._sent for call, _ in due):
            self.judge(now)  # a call's frames are judged one by one
        frames: list[tuple[MediaCall, int, Pcm]] = []
        for call, frame in due:
            pcm = self._guard.run(call, call.arrived, frame)
            if pcm is not None:
                frames.append((call, frame.slots, pcm))
        if not frames:
            return
        frames, cleaned = self._guard.together(frames, _high_passed)
        for (call, slots, _), pcm in zip(frames, cleaned, strict=True):
            if call.uplink.looks_for_echo:
                self._guard.run(call, _cancel_echo, call, pcm, slots)
        calls = [call for call, _, _ in frames]
        self._send(calls, cleaned)
        self._flush()
        self._sent.update(zip(calls, cleaned, strict=True))

    def _send(self, calls: list[MediaCall], cleaned: Pcm) -> None:
        """To the models; those with the same rate in one batch."""
        same: dict[tuple[int, int], list[tuple[MediaCall, Resampler, Pcm]]] = {}
        for call, pcm in zip(calls, cleaned, strict=True):
            resampler = self._guard.run(call, call.upsampler)
            if resampler is None:
                self._guard.run(call, call.send_up, pcm, None)
            else:
                rates = resampler.from_hz, resampler.to_hz
                same.setdefault(rates, []).append((call, resampler, pcm))
        for frames in same.values():
            frames, made = self._guard.together(frames, _resampled)
            for (call, _, pcm), resampled in zip(frames, made, strict=True):
                self._guard.run(call, call.send_up, pcm, resampled)


def _high_passed(frames: list[tuple[MediaCall, int, Pcm]]) -> Pcm:
    filters = [call.uplink.high_pass for call, _, _ in frames]
    return filter_batch(filters, np.array([pcm for _, _, pcm in frames]))


def _cancel_echo(call: MediaCall, pcm: Pcm, slots: int) -> None:
    pcm[:] = call.uplink.cancel_echo(pcm, slots)


def _resampled(frames: list[tuple[MediaCall, Resampler, Pcm]]) -> Pcm:
    return resample_batch([one for _, one, _ in frames], np.array([pcm for _, _, pcm in frames]))
