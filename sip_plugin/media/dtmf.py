"""Keys as telephone events in RTP (RFC 4733): what the caller pressed, and what we press."""

import struct
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from bridge.audio.frames import FRAME_SAMPLES, PHONE_RATE_HZ

DIGITS = "0123456789*#ABCD"
"""By event code, 0 to 15; the other events are no keys."""

END_PACKETS = 3
"""The last packet is sent so often (section 2.5.1.4)."""
SILENCE_SECS = 0.2
"""An event that is not refreshed for so long has ended; its end was lost."""
PAUSE_SLOTS = 3
"""Slots of 20 ms between two digits that we send, after the repeated ends."""
MAX_QUEUED = 64
SAME_KEY_SECS = 0.5
"""A key that comes both ways within it was pressed once."""
MAX_DIGITS_A_SECOND = 20
"""Keys need 40 ms and a pause; what is faster is no finger."""

_EVENT = struct.Struct("!BBH")
_FINISHED = 16
_OF_BEFORE = -1
"""In place of a timestamp that compares with none of the present stream."""


@dataclass(frozen=True, slots=True)
class Dtmf:
    """A key that the caller pressed, reported once, when it ends."""

    digit: str
    """One of 0-9, *, #, A-D."""
    duration_ms: int


@dataclass(slots=True)
class _Running:
    timestamp: int
    code: int
    duration: int
    before: int
    """Samples in earlier segments of the same key (section 2.5.1.3)."""
    heard_at: float

    def finish(self) -> Dtmf:
        return Dtmf(DIGITS[self.code], (self.before + self.duration) * 1000 // PHONE_RATE_HZ)


class DtmfReceiver:
    """Turns event packets into digits, each once, however often and in what order they come."""

    def __init__(self) -> None:
        self._running: _Running | None = None
        self._finished: deque[int] = deque(maxlen=_FINISHED)
        self._allowance = float(MAX_DIGITS_A_SECOND)
        self._allowance_at = 0.0
        self.refused = 0
        """Digits that came faster than fingers press."""

    @property
    def active(self) -> bool:
        """A key is down: what else is heard is its tone."""
        return self._running is not None

    def push(self, timestamp: int, payload: bytes, now: float, marker: bool) -> list[Dtmf]:
        """Take one event packet, and say which digits ended; other events are stepped over."""
        if len(payload) < 4 or payload[0] >= len(DIGITS):
            return []
        code, flags, duration = _EVENT.unpack_from(payload)
        if timestamp in self._finished:
            return []
        digits = self.expire(now)
        running = self._running
        if running is None or running.timestamp != timestamp:
            before = 0
            if running is not None:
                if running.timestamp >= 0 and (timestamp - running.timestamp) & 0x80000000:
                    return []  # an overtaken packet of something older
                segment = (running.timestamp + running.duration) & 0xFFFFFFFF
                if code == running.code and not marker and segment == timestamp:
                    before = running.before + running.duration
                    self._finished.append(running.timestamp)
                else:
                    digits += self._finish(now)
            self._running = running = _Running(timestamp, code, duration, before, now)
        running.duration = max(running.duration, duration)
        running.heard_at = now
        if flags & 0x80:
            digits += self._finish(now)
        return digits

    def expire(self, now: float) -> list[Dtmf]:
        """The digit whose end got lost, once it has been quiet for long enough."""
        if self._running is None or now - self._running.heard_at < SILENCE_SECS:
            return []
        return self._finish(now)

    def restart(self) -> None:
        """Another stream follows, with timestamps of its own; a key that is down ends soon."""
        if self._running is not None:
            self._running.timestamp = _OF_BEFORE
        self._finished.clear()

    def _finish(self, now: float) -> list[Dtmf]:
        running, self._running = self._running, None
        self._finished.append(running.timestamp)
        self._allowance = min(
            self._allowance + (now - self._allowance_at) * MAX_DIGITS_A_SECOND,
            float(MAX_DIGITS_A_SECOND),
        )
        self._allowance_at = now
        if self._allowance < 1:
            self.refused += 1
            return []
        self._allowance -= 1
        return [running.finish()]


class TwoWays:
    """Drops the echo of a key that a peer sends twice: in RTP, and by SIP INFO."""

    def __init__(self) -> None:
        self._last = {"rtp": ("", 0.0), "info": ("", 0.0)}

    def by_rtp(self, digit: str, now: float) -> bool:
        """Whether a key that came in RTP counts."""
        return self._counts("rtp", "info", digit, now)

    def by_info(self, digit: str, now: float) -> bool:
        """Whether a key that came by INFO counts."""
        return self._counts("info", "rtp", digit, now)

    def _counts(self, way: str, other: str, digit: str, now: float) -> bool:
        known, at = self._last[other]
        if known == digit and now - at < SAME_KEY_SECS:
            self._last[other] = ("", 0.0)  # once: the next one is another press
            return False
        self._last[way] = (digit, now)
        return True


class EventPacket(NamedTuple):
    payload: bytes
    timestamp: int
    """When the key went down: the same in all packets of a key."""
    marker: bool


@dataclass(slots=True)
class _Pressed:
    code: int
    begun: int
    total: int
    ends_left: int = END_PACKETS


class DtmfSender:
    """A queue of digits that leave in the slots of the audio, in its place."""

    def __init__(self) -> None:
        self._queue: deque[tuple[int, int]] = deque()
        self._pressed: _Pressed | None = None
        self._pause = 0

    def __bool__(self) -> bool:
        return bool(self._queue) or self._pressed is not None or self._pause > 0

    def queue(self, digit: str, duration_ms: int) -> bool:
        """Whether there was room for it. Raises ValueError for what is no digit."""
        code = DIGITS.find(digit) if len(digit) == 1 else -1
        if code < 0:
            raise ValueError(f"{digit!r} is no DTMF digit; those are {DIGITS}")
        if len(self._queue) >= MAX_QUEUED:
            return False
        self._queue.append((code, duration_ms * PHONE_RATE_HZ // 1000))
        return True

    def slot(self, timestamp: int, samples: int = FRAME_SAMPLES) -> EventPacket | None:
        """The packet for the slot of `samples` at `timestamp`; None when it is the audio's."""
        if self._pressed is None:
            if self._pause > 0:
                self._pause -= 1
                return None
            if not self._queue:
                return None
            code, total = self._queue.popleft()
            self._pressed = _Pressed(code, timestamp, total)
        pressed = self._pressed
        elapsed = (timestamp - pressed.begun) & 0xFFFFFFFF
        duration = min(elapsed + samples, pressed.total)
        end = 0
        if duration == pressed.total:
            end = 0x80
            pressed.ends_left -= 1
            if pressed.ends_left == 0:
                self._pressed = None
                self._pause = PAUSE_SLOTS
        payload = _EVENT.pack(pressed.code, end | 10, duration)  # volume -10 dBm0
        return EventPacket(payload, pressed.begun, elapsed == 0)

    def interrupt(self) -> None:
        """Nothing may be sent now: the key that is down goes up unheard, the others wait."""
        self._pressed = None
