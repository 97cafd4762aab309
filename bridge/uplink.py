"""The caller's audio on its way in, per leg: high-pass, echo canceller. Core without I/O.

Tell it every slot that was sent to the phone, and give it every frame that came, each once and
in order; what it returns is what is judged for speech and what the model hears.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bridge.audio import canceller
from bridge.audio.echo_bound import EchoBound
from bridge.audio.echo_presence import EchoPresence
from bridge.audio.frames import FRAME_MS, FRAME_SAMPLES
from bridge.audio.highpass import HighPass
from bridge.audio.level import FLOOR_DBFS, frame_dbfs
from bridge.audio.level_control import LevelControl
from bridge.audio.reference import Reference
from bridge.audio.residual import Residual
from bridge.profile import LegProfile

AUDIBLE_DBFS = -66.0
"""A frame sent that is below it has no echo that anyone hears."""
CHANGE_OVER_FRAMES = 100
"""A change-over waits so long for a quiet frame (2 s)."""

LEAD_FRAMES = 100
"""The canceller listens at the start of a call though nobody has spoken yet (2 s): it learns the
line's noise, and its first reply leaks less. What it makes of the caller meanwhile is thrown away,
since it is late and muffled."""

MAX_LEFT_OUT = 15
"""Frames that are made up for the canceller, of a gap in the caller's stream (300 ms)."""
OWN_SPEECH = 0.7
OWN_DBFS = -55.0
"""Frames from which the level control learns how loud the caller is, while the agent is silent."""

_SILENCE = np.zeros(FRAME_SAMPLES, np.int16)


@dataclass(slots=True)
class UplinkStats:
    """Counters of one call."""

    frames: int = 0
    cancelled_frames: int = 0
    """In which the canceller ran."""
    malformed_frames: int = 0
    """Not 160 samples of int16; cut, filled, made finite."""
    echo_absent: bool = False
    """It was proved that the line returns nothing."""
    reference_shifts: int = 0


class Uplink:
    """One call's way in. Engines are stateful, so a call keeps its own from start to end.

    The canceller runs while the agent is heard and for the longest echo after it, unless the line
    has been seen to return nothing. Its output is some milliseconds late; the caller's audio is
    otherwise passed on at once, so that no reply pays for the canceller, and so it is while he is
    louder than any echo and the canceller does not know the line. The change from one to the other
    is faded, and the one back waits for a quiet frame, in which the skipped milliseconds are not
    missed.
    """

    def __init__(self, profile: LegProfile) -> None:
        """Raises CancellerUnavailable when the profile's engine cannot be loaded."""
        self.high_pass = HighPass(profile.high_pass_hz)
        self._canceller = canceller.make(profile.canceller, profile.canceller_delay_ms)
        self._reference = Reference()
        self._presence = EchoPresence()
        self._bound = EchoBound()
        self._residual = Residual()
        self._level_control = LevelControl() if profile.level_control else None
        self._tail_frames = profile.canceller_tail_ms // FRAME_MS
        self._idle_frames = self._tail_frames + 1
        """Frames since the agent's voice was in the reference."""
        self._sent_dbfs = FLOOR_DBFS
        self._running = False
        self._overruled = False
        """The last frame is the caller's own, though the canceller ran."""
        if self._canceller is not None:
            self._fade_in = _fade(self._canceller.delay_samples)
        self._touched = False
        self.stats = UplinkStats()

    @property
    def looks_for_echo(self) -> bool:
        """Whether there is a canceller, so that `sent` and `cancel_echo` have to be called."""
        return self._canceller is not None

    @property
    def controls_level(self) -> bool:
        """Whether `for_model` changes a frame: the model cannot have it before it was judged."""
        return self._level_control is not None

    @property
    def alters(self) -> bool:
        """Whether more was done to the last frame than the high-pass: the canceller had a part in
        it, or its level is controlled."""
        return self._touched or self._level_control is not None

    def sent(self, pcm: NDArray[np.int16] | None) -> None:
        """One slot of 20 ms: int16 `[160]` as the phone decodes it, None for silence."""
        if self._canceller is not None:
            self._reference.push(None if pcm is None else self._well_formed(pcm))

    def skipped(self, slots: int) -> None:
        """Slots that nothing was sent in."""
        if self._canceller is not None:
            self._reference.skip(slots)
            self._residual.disturbed()

    def disturbed(self) -> None:
        """Frames came or left late: the echo may come at another time for a while."""
        self._residual.disturbed()

    def clean(self, pcm: NDArray[np.int16], slots: int = 1) -> NDArray[np.int16]:
        """The caller's next frame, int16 `[160]`, without hum and without the agent's echo.

        `slots`: frames by which the phone's own time went on. 0 for one that was made up to
        bridge a gap, after which the phone's stream goes on where it broke off; more than 1 when
        some were left out. The echo's delay is constant in that time only.
        """
        frame = self.high_pass.push(self.arrived(pcm))
        return frame if self._canceller is None else self.cancel_echo(frame, slots)

    def arrived(self, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
        """The first step of `clean`, for whoever takes many calls' frames through the second, the
        `high_pass`, in one batch: the frame, well formed."""
        self.stats.frames += 1
        self._touched = False
        return self._well_formed(pcm)

    def cancel_echo(self, frame: NDArray[np.int16], slots: int) -> NDArray[np.int16]:
        """The last step of `clean`, on a leg that has a canceller."""
        assert self._canceller is not None
        if slots != 1:
            self._residual.disturbed()
        if slots < 1:
            self._residual.made_up(self._running)
            return frame
        self._leave_out(slots - 1)
        far = self._reference.pull()
        if self.stats.reference_shifts != self._reference.shifts:
            self.stats.reference_shifts = self._reference.shifts
            self._residual.disturbed()
        if self._echo_is_expected(frame, far):
            return self._cancel(frame, far, begins=not self._running)
        if not self._running:
            if self.stats.frames <= LEAD_FRAMES and not self.stats.echo_absent:
                self.stats.cancelled_frames += 1
                self._canceller.process(frame, _SILENCE if far is None else far)
            self._residual.undoubted()
            return frame
        cleaned = self._cancel(frame, far, begins=False)
        overdue = self._idle_frames - self._tail_frames
        if overdue < CHANGE_OVER_FRAMES and not self._residual.is_quiet(frame_dbfs(frame)):
            return cleaned
        self._running = False
        self._residual.left()
        return _mix(cleaned, frame, _FADE)

    def _leave_out(self, slots: int) -> None:
        """The phone's time went on by so many frames that never came."""
        assert self._canceller is not None
        heard = min(slots, MAX_LEFT_OUT) if self._running else 0
        self._reference.leap(slots - heard)
        for _ in range(heard):
            far = self._reference.pull()
            self._canceller.process(_SILENCE, _SILENCE if far is None else far)

    def gate_level(self, level_dbfs: float) -> float:
        """The level that the gate is to judge the last cleaned frame by, given its own level.

        While the canceller may leave something of the agent in it, that is lower; ask once for
        each frame.
        """
        return self._residual.gate_level(level_dbfs)

    @property
    def cancels(self) -> bool:
        """The agent may be in the last frame: the canceller ran for it."""
        return self._running

    def for_model(
        self, pcm: NDArray[np.int16], probability: float, level_dbfs: float
    ) -> NDArray[np.int16]:
        """What the model hears of the last cleaned frame, given what was found out about it."""
        if self._level_control is None:
            return pcm
        own = probability >= OWN_SPEECH and level_dbfs >= OWN_DBFS and not self._running
        return self._level_control.push(pcm, level_dbfs, own)

    def _echo_is_expected(self, frame: NDArray[np.int16], far: NDArray[np.int16] | None) -> bool:
        """Whether the agent is in this frame, as far as is known."""
        self._sent_dbfs = FLOOR_DBFS if far is None else frame_dbfs(far)
        audible = self._sent_dbfs >= AUDIBLE_DBFS
        self._idle_frames = 0 if audible else self._idle_frames + 1
        heard = self._idle_frames <= self._tail_frames
        if heard:
            levels = (self._sent_dbfs, frame_dbfs(frame), self._residual.noise_dbfs)
            self._presence.push(*levels)
            self._bound.push(*levels)
        elif self._idle_frames == self._tail_frames + 1:
            self._presence.reply_ended()
            self._bound.reply_ended()
        self.stats.echo_absent = self._presence.absent
        return heard and not self._presence.absent

    def _cancel(
        self, frame: NDArray[np.int16], far: NDArray[np.int16] | None, *, begins: bool
    ) -> NDArray[np.int16]:
        assert self._canceller is not None
        self._running = self._touched = True
        self.stats.cancelled_frames += 1
        cleaned = self._canceller.process(frame, _SILENCE if far is None else far)
        overruled, self._overruled = self._overruled, self._is_overruled
        if self._overruled:
            self._residual.undoubted()
            return frame if begins or overruled else _mix(cleaned, frame, _FADE)
        if self._idle_frames <= self._tail_frames:
            self._residual.cancelled(frame, cleaned, self._sent_dbfs, self._idle_frames == 0)
        else:
            self._residual.undoubted()
        return _mix(frame, cleaned, self._fade_in) if begins or overruled else cleaned

    @property
    def _is_overruled(self) -> bool:
        """The caller is louder than any echo, and the canceller is not to be trusted with him."""
        return self._bound.exceeded and (self._residual.unsure or self._bound.hidden)

    def _well_formed(self, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
        if pcm.dtype == np.int16 and pcm.shape == (FRAME_SAMPLES,):
            return pcm
        self.stats.malformed_frames += 1
        finite = np.nan_to_num(np.ravel(pcm)[:FRAME_SAMPLES], posinf=32767.0, neginf=-32768.0)
        made = np.zeros(FRAME_SAMPLES, np.int16)
        made[: len(finite)] = np.clip(finite, -32768, 32767)
        return made


def _fade(begin: int = 0) -> NDArray[np.float32]:
    """Weights of a change-over that begins at sample `begin` and lasts to the frame's end."""
    weights = np.zeros(FRAME_SAMPLES, np.float32)
    weights[begin:] = np.linspace(0.0, 1.0, FRAME_SAMPLES - begin, dtype=np.float32)
    return weights


_FADE = _fade()


def _mix(
    old: NDArray[np.int16], new: NDArray[np.int16], weights: NDArray[np.float32]
) -> NDArray[np.int16]:
    return np.rint(old + (new.astype(np.float32) - old) * weights).astype(np.int16)
