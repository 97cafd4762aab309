"""What the callers say: in each phase of the clock the frames that are due, of all calls at once.

A batch has a frame of each call at most. It is filtered and brought to the model's rate for all in
one go, and sent. Only then is it judged for speech, with what has come by the next phase: the model
has the caller's words by then, and half as many inferences cost little more than half.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.audio.highpass import filter_batch
from bridge.audio.level import dbfs
from bridge.audio.resample import Resampler, resample_batch
from bridge.audio.vad import BatchVad
from sip_plugin.media.call import MediaCall
from sip_plugin.media.session import CallerFrame

Guard = Callable[..., Any]
"""Runs a step of one call: `guard(call, step, *arguments)`; None when the step failed."""
_NEVER = float("-inf")


class Intake:
    """All calls of a worker."""

    def __init__(self, guard: Guard, flush: Callable[[], None]) -> None:
        """`flush` sends what the calls gave to their model legs."""
        self._guard = guard
        self._flush = flush
        self._vad = BatchVad()
        self._slots: dict[MediaCall, int] = {}
        self._looked_at = _NEVER
        self._sent: dict[MediaCall, NDArray[np.int16]] = {}
        """Frames that are to be judged."""

    def open(self, call: MediaCall) -> None:
        self._slots[call] = self._vad.open()

    def close(self, call: MediaCall) -> None:
        self._vad.close(self._slots.pop(call))
        self._sent.pop(call, None)

    def hear(self, now: float) -> None:
        """Send every frame that is due to its model. The sockets have been read."""
        waiting: list[tuple[MediaCall, list[CallerFrame]]] = []
        for call in self._slots:
            if call.due_at <= now:
                frames = self._guard(call, call.caller_frames, now, self._looked_at)
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
        batch = np.array(list(sent.values()))
        probabilities = self._vad.push([self._slots[call] for call in sent], batch).tolist()
        levels = dbfs(batch).tolist()
        for call, pcm, probability, level in zip(sent, batch, probabilities, levels, strict=True):
            self._guard(call, call.judge, pcm, probability, level, now)

    def _batch(self, due: list[tuple[MediaCall, CallerFrame]], now: float) -> None:
        if any(call in self._sent for call, _ in due):
            self.judge(now)  # a call's frames are judged one by one
        calls, slots, arrived = [], [], []
        for call, frame in due:
            pcm = self._guard(call, call.arrived, frame)
            if pcm is not None:
                calls.append(call)
                slots.append(frame.slots)
                arrived.append(pcm)
        if not calls:
            return
        cleaned = filter_batch([call.uplink.high_pass for call in calls], np.array(arrived))
        for i, call in enumerate(calls):
            if call.uplink.looks_for_echo:
                pcm = self._guard(call, call.uplink.cancel_echo, cleaned[i], slots[i])
                if pcm is not None:
                    cleaned[i] = pcm
        self._send(calls, cleaned)
        self._flush()
        self._sent.update(zip(calls, cleaned, strict=True))

    def _send(self, calls: list[MediaCall], cleaned: NDArray[np.int16]) -> None:
        """To the models; those with the same rate in one batch."""
        same: dict[tuple[int, int], list[int]] = {}
        resamplers: list[Resampler | None] = []
        for i, call in enumerate(calls):
            resampler = self._guard(call, call.upsampler)
            resamplers.append(resampler)
            if resampler is None:
                self._guard(call, call.send_up, cleaned[i], None)
            else:
                same.setdefault((resampler.from_hz, resampler.to_hz), []).append(i)
        for rows in same.values():
            everyone = len(rows) == len(calls)
            frames = cleaned if everyone else cleaned[rows]
            made = resample_batch([resamplers[i] for i in rows], frames)
            for i, pcm in zip(rows, made, strict=True):
                self._guard(calls[i], calls[i].send_up, cleaned[i], pcm)
