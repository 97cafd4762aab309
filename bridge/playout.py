"""What the agent still has to say on one call, handed out a phone frame at a time.

Core without I/O or clock: whoever sends RTP pulls one frame a slot. The model may run ahead of
real time, arrive in bursts or fall behind; the line hears frames of 20 ms without clicks.
"""

from collections import deque
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bridge.audio.frames import FRAME_MS, PHONE_RATE_HZ
from bridge.audio.resample import Resampler

_FADE_MS = 5
_DUCKED = 10 ** (-12 / 20)
_SAMPLE_BYTES = 2

MAX_REPLIES = 16
"""Replies that may wait at once; a model that opens more is refused."""
_REMEMBERED_REPLIES = 64  # whose heard_ms can still be asked for

Manner = Literal["talk", "duck", "pause"]
"""How the agent speaks: as it is, 12 dB quieter, or not now."""


class PlayoutFrame(NamedTuple):
    """20 ms for the phone, all of it from one reply: int16[160] at 8 kHz, or [320] at 16 kHz."""

    pcm: NDArray[np.int16]
    turn: int
    """The caller's turn that is answered."""
    starts: bool
    """First frame after silence: the RTP marker belongs here."""
    starts_reply: bool
    """First audible frame of this reply; once a reply."""
    ends_reply: bool
    """The reply has been said to its end; once a reply that was not cancelled."""
    audible: bool = True
    """False: digital silence that only carries `ends_reply`, when the model told late."""


@dataclass(slots=True)
class PlayoutStats:
    """Counters of one call. `refused_*` are samples, the rest are occurrences."""

    frames: int = 0
    underruns: int = 0
    """Gaps in the middle of a reply: the model was late, and went on."""
    cancels: int = 0
    refused_stale: int = 0
    """Audio for a turn that was cancelled or is older than one already heard of."""
    refused_overflow: int = 0
    """Audio beyond the bound of the buffer."""


@dataclass(slots=True)
class _Reply:
    turn: int
    waiting: int = 0
    """Bytes of it in the buffer."""
    ended: bool = False
    began: bool = False
    starved: bool = False
    """It ran dry before its end was known."""


class Playout:
    """Replies in the order of their turns, each heard to its end unless cancelled.

    A turn number never goes back: audio for a turn older than the newest one seen, or fenced
    by a cancel, is refused. A newer turn ends the one before it, even if its end was lost.
    """

    def __init__(self, max_secs: float, rate_hz: int = PHONE_RATE_HZ) -> None:
        """`max_secs`: bound of the audio that waits; what comes beyond it is refused.
        `rate_hz`: of what is pushed and pulled, 8000 or 16000."""
        self._max_secs = max_secs
        self._set_rate(rate_hz)
        self._buffer = bytearray()
        self._replies: deque[_Reply] = deque()
        self._newest = -1
        self._fence = -1
        self._heard: dict[int, int] = {}
        self._speaking = False
        self._manner: Manner = "talk"
        self._gain = 1.0
        """Of the last frame, at its end."""
        self._resumes = False
        """The reply that is being said was paused: its next frame fades in."""
        self._last = np.zeros(self._fade, np.int16)
        self._fading: PlayoutFrame | None = None
        self.stats = PlayoutStats()

    def _set_rate(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._samples_per_ms = rate_hz // 1000
        self._frame_samples = FRAME_MS * self._samples_per_ms
        self._frame_bytes = self._frame_samples * _SAMPLE_BYTES
        self._limit = int(self._max_secs * rate_hz) * _SAMPLE_BYTES
        self._fade = _FADE_MS * self._samples_per_ms
        self._fade_out = np.linspace(1.0, 0.0, self._fade, dtype=np.float32)

    def change_rate(self, rate_hz: int) -> None:
        """The phone's codec changed: what waits, and what is pushed from now on, is of the new
        rate. A reply goes on where it was, faded in."""
        before = self.rate_hz
        if rate_hz == before:
            return
        self._set_rate(rate_hz)
        waiting, self._buffer = self._buffer, bytearray()
        start = 0
        for reply in self._replies:
            pcm = np.frombuffer(waiting[start : start + reply.waiting], np.int16)
            start += reply.waiting
            self._buffer += (made := Resampler(before, rate_hz).push(pcm)).tobytes()
            reply.waiting = len(made) * _SAMPLE_BYTES
        self._heard = {turn: n * rate_hz // before for turn, n in self._heard.items()}
        self._resumes |= self._speaking
        self._last = Resampler(before, rate_hz).push(self._last)
        if self._fading is not None:
            pcm = Resampler(before, rate_hz).push(self._fading.pcm)
            self._fading = self._fading._replace(pcm=pcm)

    # --- from the model ------------------------------------------------------------------

    def push(self, turn: int, pcm: NDArray[np.int16]) -> bool:
        """Queue int16 `[n]`, any n, at `rate_hz`, for the reply to `turn`.

        False when it was refused, whole, and counted: stale turn, full buffer, too many replies.
        """
        if not len(pcm):
            return True
        if turn < self._newest or turn <= self._fence:
            self.stats.refused_stale += len(pcm)
            return False
        size = len(pcm) * _SAMPLE_BYTES
        if len(self._buffer) + size > self._limit:
            self.stats.refused_overflow += len(pcm)
            return False
        reply = self._open(turn)
        if reply is None:
            self.stats.refused_overflow += len(pcm)
            return False
        self._buffer += pcm.tobytes()
        reply.waiting += size
        return True

    def end(self, turn: int) -> None:
        """The reply to `turn` is complete. Unknown, stale and repeated ends do nothing.

        Audio that was overtaken by its end still joins the reply while that is being said.
        """
        for reply in self._replies:
            if reply.turn == turn:
                reply.ended = True

    def _open(self, turn: int) -> _Reply | None:
        """The reply that audio for `turn` belongs to; None when there are too many."""
        last = self._replies[-1] if self._replies else None
        if last is not None:
            if last.turn == turn:
                return last
            if len(self._replies) >= MAX_REPLIES:
                return None
            last.ended = True
        self._newest = turn
        reply = _Reply(turn)
        self._replies.append(reply)
        return reply

    # --- to the phone --------------------------------------------------------------------

    @property
    def waiting(self) -> bool:
        """The next `pull` returns the agent's voice."""
        if self._fading is not None:
            return True
        if self._manner == "pause":
            return self._speaking and self._may_pause
        if not self._replies:
            return False
        reply = self._replies[0]
        return reply.waiting >= self._frame_bytes or (reply.waiting > 0 and reply.ended)

    def pull(self) -> PlayoutFrame | None:
        """The frame for this slot; None when there is nothing to say (yet)."""
        if self._fading is not None:
            return self._finish_cancel()
        if self._manner == "pause":
            return self._pause()
        if self._replies:
            reply = self._replies[0]
            if reply.waiting >= self._frame_bytes or (reply.waiting and reply.ended):
                return self._say(reply)
            if reply.ended:  # told after its last frame had left
                self._replies.popleft()
                return self._silent_end(reply)
            if self._speaking and reply.began:
                return self._starve(reply)
        self._speaking = False
        return None

    def speak(self, manner: Manner) -> None:
        """From the next frame on. After a pause a reply goes on with the sample at which it was
        paused, so that no word is lost; each change takes 5 to 20 ms and does not click."""
        self._manner = manner

    def cancel(self) -> list[tuple[int, int]]:
        """Silence the line: 5 ms of fade in the next frame, then nothing.

        Returns `(turn, heard_ms)` of every reply that was cut, in order; what they still send
        is refused from now on. Empty when there was nothing to cut.
        """
        cut = [(reply.turn, self.heard_ms(reply.turn)) for reply in self._replies]
        self.fence(self._newest)
        if cut:
            self.stats.cancels += 1
        if self._speaking and self._replies and self._replies[0].began:
            self._fading = self._cut_tail(self._replies[0].turn)
        self._resumes = False
        self._replies.clear()
        self._buffer.clear()
        return cut

    def fence(self, turn: int) -> None:
        """Refuse audio for `turn` and older ones, though none of it may have come yet."""
        self._fence = max(self._fence, turn)

    def heard_ms(self, turn: int) -> int:
        """How much of the reply to `turn` has left for the phone; 0 for an unknown one."""
        return self._heard.get(turn, 0) // self._samples_per_ms

    @property
    def buffered_ms(self) -> int:
        return len(self._buffer) // (_SAMPLE_BYTES * self._samples_per_ms)

    def _say(self, reply: _Reply) -> PlayoutFrame:
        size = min(reply.waiting, self._frame_bytes)
        pcm = self._take(reply, size)
        if reply.starved or self._resumes:
            self.stats.underruns += reply.starved
            reply.starved = self._resumes = False
            _ramp(pcm[: self._fade], self._fade_out[::-1])
        self._turn_to_manner(pcm)
        if size < self._frame_bytes:
            pcm = np.concatenate((pcm, np.zeros(self._frame_samples - len(pcm), np.int16)))
        self._last = pcm[-self._fade :]
        starts, self._speaking = not self._speaking, True
        starts_reply, reply.began = not reply.began, True
        ends = reply.ended and not reply.waiting
        if ends:
            self._replies.popleft()
        self.stats.frames += 1
        return PlayoutFrame(pcm, reply.turn, starts, starts_reply, ends)

    def _turn_to_manner(self, pcm: NDArray[np.int16]) -> None:
        """Give the frame the loudness that is asked for, gradually within an utterance."""
        to = _DUCKED if self._manner == "duck" else 1.0
        since, self._gain = (self._gain if self._speaking else to), to
        if since != 1.0 or to != 1.0:
            _ramp(pcm, np.linspace(since, to, len(pcm), dtype=np.float32))

    @property
    def _may_pause(self) -> bool:
        """A reply is in the middle of what it says."""
        return bool(self._replies) and self._replies[0].began

    def _pause(self) -> PlayoutFrame | None:
        """Fade out over what comes next, which is said again, from there, when it goes on."""
        if not (self._speaking and self._may_pause):
            self._speaking = False
            return None
        self._speaking = False
        self._resumes = True
        self.stats.frames += 1
        return self._cut_tail(self._replies[0].turn)

    def _take(self, reply: _Reply, size: int) -> NDArray[np.int16]:
        pcm = np.frombuffer(self._buffer[:size], np.int16)
        del self._buffer[:size]
        reply.waiting -= size
        samples = size // _SAMPLE_BYTES
        if reply.turn not in self._heard and len(self._heard) >= _REMEMBERED_REPLIES:
            del self._heard[next(iter(self._heard))]
        self._heard[reply.turn] = self._heard.get(reply.turn, 0) + samples
        return pcm

    def _starve(self, reply: _Reply) -> PlayoutFrame:
        """The model is late: what there is, then a fade, and silence until it goes on.

        Enough is held back for the fade to have its 5 ms.
        """
        reply.starved = True
        self._speaking = False
        room = (self._frame_samples - self._fade) * _SAMPLE_BYTES
        rest = self._take(reply, min(reply.waiting, room))
        _ramp(rest, np.full(len(rest), self._gain, np.float32))
        self._last = np.concatenate((self._last, rest))[-self._fade :]
        pcm = np.zeros(self._frame_samples, np.int16)
        pcm[: len(rest)] = rest
        pcm[len(rest) : len(rest) + self._fade] = self._mirrored_fade()
        self.stats.frames += 1
        return PlayoutFrame(pcm, reply.turn, False, False, False)

    def _silent_end(self, reply: _Reply) -> PlayoutFrame:
        self._speaking = False
        silence = np.zeros(self._frame_samples, np.int16)
        return PlayoutFrame(silence, reply.turn, False, False, True, audible=False)

    def _cut_tail(self, turn: int) -> PlayoutFrame:
        """The frame that ends a cut reply: what would have come next, fading within 5 ms.

        Not counted as heard, so that `heard_ms` stays what `cancel` returned.
        """
        pcm = np.zeros(self._frame_samples, np.int16)
        following = np.frombuffer(self._buffer[: self._fade * _SAMPLE_BYTES], np.int16)
        if len(following) == self._fade:
            pcm[: self._fade] = following
            _ramp(pcm[: self._fade], self._fade_out * np.float32(self._gain))
        else:
            pcm[: self._fade] = self._mirrored_fade()
        return PlayoutFrame(pcm, turn, starts=False, starts_reply=False, ends_reply=False)

    def _mirrored_fade(self) -> NDArray[np.int16]:
        """A continuation that nobody knows: the last samples backwards, fading to zero."""
        mirrored = self._last[::-1].copy()
        _ramp(mirrored, self._fade_out)
        return mirrored

    def _finish_cancel(self) -> PlayoutFrame:
        assert self._fading is not None
        frame, self._fading = self._fading, None
        self._speaking = False
        self.stats.frames += 1
        return frame


def _ramp(pcm: NDArray[np.int16], gain: NDArray[np.float32]) -> None:
    pcm[:] = (pcm * gain[: len(pcm)]).astype(np.int16)
