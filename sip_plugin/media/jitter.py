"""The jitter buffer: packets as they come, 20 ms frames at exactly real time.

Time is cut into slots of 20 ms, counted on our clock from the first frame; one frame is emitted
for each slot, never moved, never left out. Which audio goes into a slot follows the packets:

- a frame that is there goes out at the next pull, also somewhat before its slot, so that an even
  stream is never delayed and a short burst neither;
- a frame that is missing is given up when it is later than the earliest packets of the last
  seconds by the margin, which follows the lateness seen (20 to 60 ms); the slot gets a hole, for
  the concealment to fill;
- when nothing newer has come either, the position is kept: after a stall the audio goes on where
  it broke off, and nobody's words are lost to a short pause of the network;
- when every frame had to wait for its slot for 200 ms, there is a surplus: after a stall, or
  because the far clock is fast. Silence is then dropped at once, speech one frame in 100 ms, and
  what is older than 200 ms always at once: the delay is gone within two seconds, whatever was
  said. A line that needs the wait now and then keeps it.

A slow far clock shows as a hole once in minutes. The buffer works on encoded G.711, one byte a
sample, and does not know the codec.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from bridge.audio.frames import FRAME_MS, FRAME_SAMPLES, PHONE_RATE_HZ
from sip_plugin.media.sample_ring import SampleRing

FRAME_SECS = FRAME_MS / 1000
MARGIN_MIN_SECS = 0.022
"""Enough for two packets of 20 ms that swapped places."""
MARGIN_MAX_SECS = 0.060
MARGIN_SPARE_SECS = 0.005
"""On top of the lateness seen."""
MARGIN_DECAY = 0.005
"""Seconds of margin given up a second while nothing is late."""
MAX_LAG_SECS = MARGIN_MAX_SECS + FRAME_SECS
"""No slot is filled later than this: bounds the effect of a wrong estimate."""
RUN_AHEAD_SPARE_SECS = 0.010
"""A frame may be emitted one packet and this much before its slot."""
MAX_BACKLOG = PHONE_RATE_HZ // 5
"""Samples kept after a stall: 200 ms."""
MAX_CATCH_UP_BACKLOG = PHONE_RATE_HZ * 6 // 10
"""Samples kept beyond it for slots that are late, because our own process stood still."""
SURPLUS_SECS = 0.2
"""When every frame waits for so long, the wait is more than the line's jitter asks for."""
DROP_EVERY_SECS = 0.1
"""Least time between two dropped frames of speech: the caller seems to talk 20 % faster."""
STEP_SECS = 0.25
"""A packet later than the estimate by so much is a new situation, not jitter."""
WINDOW_SECS = 1.0
"""The earliest packet is looked for in the last one to two of these."""
MAX_CATCH_UP = 50
"""Frames in one pull; slots missed beyond it (our process stood still) are given up."""
LONG_PAUSE_SECS = 0.030
"""A pull later than this after the last one: we were late, the packets are likely waiting."""

_NEVER = float("-inf")


class Slot(NamedTuple):
    """What goes into 20 ms of the uplink."""

    payload: bytes | None
    """160 bytes; None for a hole."""
    quiet: bool = False
    """A hole because the caller is silent, not because something was lost."""
    skipped: bytes | None = None
    """The 160 bytes dropped before this frame, to fade over from."""
    position: int | None = None
    """Its first sample in the sender's timestamps; None for a hole that the sender does not know
    of, since its stream goes on after it where it broke off."""


@dataclass(slots=True)
class JitterStats:
    late: int = 0
    """Packets that came after their audio had been given up."""
    dropped_frames: int = 0
    """Surplus of 20 ms, dropped to keep the delay at nothing."""
    overflow_samples: int = 0
    """Dropped at once: older than 200 ms, after a stall or in a flood."""
    restarts: int = 0
    """The sender's timestamps began anew."""
    missed_slots: int = 0
    """Given up because nobody pulled for a second or more."""


class JitterBuffer:
    """One stream of one call. Constant memory: 16 KB."""

    def __init__(self, is_silent: Callable[[bytes], bool], begins_at: float = float("inf")):
        """`is_silent` says of 160 encoded bytes whether dropping them loses nothing.

        Slots begin with the first packet, or at `begins_at` without one.
        """
        self._is_silent = is_silent
        self._begins_at = begins_at
        self.stats = JitterStats()
        self._ring = SampleRing()
        self._position: int | None = None
        """Next sample to emit, as extended timestamp; None before the first packet."""
        self._end = 0
        """After the newest sample held; at or before the position when nothing is."""
        self._newest = 0
        """Timestamp of the newest packet."""
        self._packet = FRAME_SAMPLES
        """Samples in the newest packet."""
        self._run_ahead = _run_ahead_secs(FRAME_SAMPLES)
        self._due: float | None = None
        """When the next slot is; None before the first frame."""
        self._stretched = 0
        """Samples of holes emitted while the position was kept."""
        self._quiet = False
        self._fill_until = _NEVER
        """Slots up to here that are late anyway are filled with silence: nothing will come."""
        self._earliest = self._earliest_before = 0.0
        """Least transit (arrival minus timestamp) of this window and of the one before."""
        self._window_began = 0.0
        self._late_level = 0.0
        self._late_at = 0.0
        self._waiting_since: float | None = None
        """Since when no frame has gone out at once."""
        self._waited = False
        """The frame at the position is waiting."""
        self._last_drop = _NEVER
        self._last_pull = _NEVER
        self._patient = False
        self._fresh = False
        self._wake = _NEVER

    @property
    def margin(self) -> float:
        """Seconds that a missing frame is waited for."""
        return min(
            max(self._late_level + MARGIN_SPARE_SECS, MARGIN_MIN_SECS),
            MARGIN_MAX_SECS,
        )

    @property
    def held(self) -> int:
        """Samples between the position and the newest sample."""
        return max(0, self._end - self._position) if self._position is not None else 0

    def quiet(self) -> None:
        """The sender said that it is silent from here (comfort noise, hold, a digit)."""
        self._quiet = True
        self._fresh = True

    def restart(self) -> None:
        """Another stream follows, with timestamps of its own. The slots go on."""
        if self._position is not None:
            self._ring.clear()
            self._position = None
            self.stats.restarts += 1

    def push(
        self, timestamp: int, payload: bytes, now: float, *, newer: bool, talk_starts: bool
    ) -> None:
        """Take one packet's audio.

        timestamp: 32 bits. payload: encoded, one byte a sample, 1 to 1500. newer: its sequence
        number is ahead of all before. talk_starts: nothing was lost directly before it, so that
        a gap in the timestamps is silence (next in sequence, or with the marker bit).
        """
        size = len(payload)
        position = self._position
        if position is not None:
            extended = position + ((timestamp - position + 0x80000000) & 0xFFFFFFFF) - 0x80000000
            if newer and extended < self._newest:
                self.restart()
                position = None
        if position is None:
            extended = timestamp
            self._position = position = timestamp
            self._end = timestamp
            self._stretched = 0
            self._window_began = now
            self._earliest = self._earliest_before = now - timestamp / PHONE_RATE_HZ
            self._fill_until = now
        self._observe(now - extended / PHONE_RATE_HZ, now)
        if newer:
            self._newest = extended
            if size != self._packet:
                self._packet, self._run_ahead = size, _run_ahead_secs(size)
        end = extended + size
        if end <= position:
            self.stats.late += 1
            return
        if self._end <= position < extended:
            position = self._leap(extended, now, talk_starts)
        self._stretched = 0
        self._quiet = False
        self._fresh = True
        keep = MAX_BACKLOG
        if self._due is not None and self._due < now:
            keep += min(int((now - self._due) * PHONE_RATE_HZ), MAX_CATCH_UP_BACKLOG)
        if end - position > keep:
            # The oldest goes. To go on within a packet would cost the wait for the next one.
            begin = extended - (extended - end + keep) // size * size
            if begin >= self._end:
                begin = extended
            self.stats.overflow_samples += max(0, min(begin, self._end) - position)
            self._ring.erase(position, begin)
            self._position = position = begin
        if extended < position:
            payload = payload[position - extended :]
            extended = position
        self._ring.write(extended, payload)
        if end > self._end:
            self._end = end

    @property
    def due_at(self) -> float:
        """Before then `pull` returns nothing, unless something is pushed."""
        return _NEVER if self._fresh else self._wake

    def pull(self, now: float, looked_at: float | None = None) -> list[Slot]:
        """The slots due now, usually none or one. May be called at any moment.

        `looked_at`: when it was last looked whether any is due; None stands for the last pull.
        """
        if not self._fresh and now < self._wake:
            self._last_pull = now
            return []
        # After a pause of our own the packets that we miss may be waiting in the socket:
        # nothing is given up before they had one chance to be read.
        last = self._last_pull if looked_at is None else max(looked_at, self._last_pull)
        self._patient = now - last > LONG_PAUSE_SECS and not self._patient
        self._last_pull = now
        self._fresh = False
        if self._due is None:
            if (self._position is None or not self._ready()) and now < self._begins_at:
                self._wake = self._begins_at
                return []
            self._due = now
        elif now - self._due > MAX_CATCH_UP * FRAME_SECS:
            missed = int((now - self._due) / FRAME_SECS)
            self.stats.missed_slots += missed
            self._due += missed * FRAME_SECS
        slots: list[Slot] = []
        skipped = None
        while len(slots) < MAX_CATCH_UP:
            if self._due <= self._fill_until - FRAME_SECS:
                slots.append(self._hole())
                continue
            early = self._due - now - self._run_ahead
            if self._ready():
                position = self._position
                payload = self._ring.frame(position)
                if early > 0:
                    if not self._surplus(payload, now):
                        self._waited = True
                        self._wake = min(now + early, self._next_drop())
                        break
                    skipped = payload
                else:
                    slots.append(Slot(payload, False, skipped, position))
                    self._due += FRAME_SECS
                    self._stretched = 0
                    skipped = None
                    if not self._waited:
                        self._waiting_since = None
                    self._waited = False
                self._advance()
                continue
            deadline = self._deadline()
            if self._patient or now < deadline:
                self._wake = now if self._patient else deadline
                break
            given_up = None
            if self._position is not None and self._end > self._position:
                given_up = self._position
                self._advance()
            else:
                self._stretched += FRAME_SAMPLES
            self._waiting_since = None
            slots.append(self._hole(given_up))
        else:
            self._fresh = True
        return slots

    def _hole(self, position: int | None = None) -> Slot:
        self._due += FRAME_SECS
        return Slot(None, self._quiet or self._position is None, None, position)

    def _surplus(self, payload: bytes, now: float) -> bool:
        """Whether a frame that would have to wait is to be dropped now."""
        if self._waiting_since is None:
            self._waiting_since = now
        if now - self._waiting_since < SURPLUS_SECS:
            return False
        if not self._is_silent(payload):
            if now - self._last_drop < DROP_EVERY_SECS:
                return False
            self._last_drop = now
        self.stats.dropped_frames += 1
        return True

    def _next_drop(self) -> float:
        return max(self._waiting_since + SURPLUS_SECS, self._last_drop + DROP_EVERY_SECS)

    def _deadline(self) -> float:
        """When the frame at the position is given up."""
        if self._quiet or self._position is None:
            return self._due
        # The frame is complete with the packet that holds its last sample.
        last = self._position + self._stretched + FRAME_SAMPLES - 1
        begin = last - (last - self._newest) % max(self._packet, 1)
        expected = min(self._earliest, self._earliest_before) + begin / PHONE_RATE_HZ
        return max(self._due, min(expected + self.margin, self._due + MAX_LAG_SECS))

    def _leap(self, timestamp: int, now: float, talk_starts: bool) -> int:
        """Nothing is held, and a packet came for a later position: where to go on."""
        gap = timestamp - self._position
        if talk_starts or self._quiet or gap - self._stretched > MAX_BACKLOG:
            self._fill_until = now
            self._position = timestamp
        else:
            # What was made up already stands for what is missing; the rest may still come.
            self._position += min(gap, self._stretched)
        return self._position

    def _observe(self, transit: float, now: float) -> None:
        """Follow the earliest packets (the line's own delay and clock) and the lateness."""
        earliest = min(self._earliest, self._earliest_before)
        if transit - earliest > STEP_SECS:
            self._earliest = self._earliest_before = earliest = transit
            self._window_began = now
        elif now - self._window_began >= WINDOW_SECS:
            fresh = now - self._window_began < 2 * WINDOW_SECS
            self._earliest_before = self._earliest if fresh else transit
            self._earliest = transit
            self._window_began = now
        elif transit < self._earliest:
            self._earliest = transit
        late = min(transit - earliest, MARGIN_MAX_SECS)
        level = self._late_level - (now - self._late_at) * MARGIN_DECAY
        self._late_at = now
        self._late_level = max(level, late, 0.0)

    def _ready(self) -> bool:
        position = self._position
        if position is None or self._end < position + FRAME_SAMPLES:
            return False
        return self._ring.has_frame(position)

    def _advance(self) -> None:
        self._ring.erase(self._position, self._position + FRAME_SAMPLES)
        self._position += FRAME_SAMPLES


def _run_ahead_secs(packet: int) -> float:
    """How long before its slot a frame may go out, where packets have so many samples."""
    packet = min(max(packet, FRAME_SAMPLES), 3 * FRAME_SAMPLES)
    return packet / PHONE_RATE_HZ + RUN_AHEAD_SPARE_SECS
