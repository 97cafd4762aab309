"""What the jitter buffer's slots sound like: decoded, concealed, or silence."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bridge.audio.frames import FRAME_SAMPLES
from sip_plugin.media.codecs import decoder_of
from sip_plugin.media.concealment import SILENCE, Concealer, cross_fade
from sip_plugin.media.description import PhoneCodec
from sip_plugin.media.jitter import Slot
from sip_plugin.media.stats import RtpStats

MAX_SLOTS = 3000
"""A longer gap (1 min) is a new beginning of the timestamps."""


class CallerFrame(NamedTuple):
    """20 ms of the caller."""

    pcm: NDArray[np.int16]
    """160 samples at 8 kHz; not to be written to."""
    kind: Literal["audio", "concealed", "silence"]
    """What the phone sent, what was made up for a loss, or nothing (pause, hold, a digit)."""
    slots: int = 1
    """Frames by which the phone's own time went on: 0 when this one was put in between, more than
    1 when others were left out before it."""
    high: NDArray[np.int16] | None = None
    """Of a wideband phone: what is above 8 kHz sampling, 320 samples at 16 kHz (`BandSplit`)."""
    payload: bytes | None = None
    """The phone's own bytes, when `pcm` is just what they say."""


class CallerFrames:
    """Give it each slot once, in order."""

    def __init__(self, codec: PhoneCodec, stats: RtpStats) -> None:
        self._stats = stats
        self._decoder = decoder_of(codec)
        self._concealer = Concealer()
        self._accounted: int | None = None
        """Up to where in the sender's timestamps frames have told how time went on."""

    def use(self, codec: PhoneCodec) -> None:
        """The phone speaks another one from here on."""
        self._decoder = decoder_of(codec)

    def restart(self) -> None:
        """Nobody has heard what was before."""
        self._concealer = Concealer()

    def is_silent(self, payload: bytes) -> bool:
        """Whether nothing is lost when these 160 bytes are left out."""
        return self._decoder.is_silent(payload)

    def frame(self, slot: Slot, in_digit: bool) -> CallerFrame:
        """`in_digit`: the phone is sending a key, which is not to be heard."""
        payload, quiet, skipped, position = slot
        passed = self._passed(position)
        stats = self._stats
        stats.frames += 1
        if in_digit:
            stats.silence += 1
            self._concealer.silence()
            return CallerFrame(SILENCE, "silence", passed)
        if payload is not None:
            before = None if skipped is None else self._decoder.decode(skipped).pcm
            pcm, high = self._decoder.decode(payload)
            if before is not None:
                pcm = cross_fade(before, pcm)
            heard = self._concealer.good(pcm)
            own = payload if heard is pcm and before is None else None
            return CallerFrame(heard, "audio", passed, high, own)
        if not quiet:
            pcm, audible = self._concealer.conceal()
            if audible:
                stats.concealed += 1
                return CallerFrame(pcm, "concealed", passed)
        else:
            pcm = self._concealer.silence()
        stats.silence += 1
        return CallerFrame(pcm, "silence", passed)

    def _passed(self, position: int | None) -> int:
        """How far the phone's time has gone on, in frames, with a frame at `position`."""
        if position is None:
            return 0
        before, self._accounted = self._accounted, position
        if before is None:
            return 1
        frames = (position - before + FRAME_SAMPLES // 2) // FRAME_SAMPLES
        if not 0 <= frames <= MAX_SLOTS:
            return 1
        self._accounted = before + frames * FRAME_SAMPLES
        return frames
