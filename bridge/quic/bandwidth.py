"""Congestion control for audio at a constant rate: how much may be on its way, and how fast.

Follows BBR (Cardwell et al., "BBR: Congestion-Based Congestion Control", 2016;
draft-ietf-ccwg-bbr): a model of the path, its bottleneck bandwidth and its smallest round trip
time, made of delivery rate samples; samples of a sender that had no more to say do not lower it.
Loss as such is no sign of congestion, so random loss costs what it loses and no more. Four
choices are for audio:

- Window and burst have room for one tick: all calls of a worker speak in the same 20 ms.
- The short-term bound of BBRv2 answers to a standing queue, as SCReAM's delay target does
  (RFC 8298 section 4.1.2), and to heavy loss, far above what a radio link loses.
- What a packet waits for a busy process is no queue, as far as the processes know of it: the
  sender's of acknowledgements, the receiver's by what it says with them.
- There is no PROBE_RTT, for audio does not stop: whoever sees a standing queue drains it, so that
  the smallest round trip time of the last seconds is the path's. A delay that stays when we send
  less is not ours (a busy machine, others' traffic), and is soon part of what is taken as given.

No I/O and no clock: bytes, rates in bytes per second, times in seconds.
"""

import math
from collections import deque
from dataclasses import dataclass

TICK = 0.02
"""Audio is ready every so often, for all calls at once."""
STARTUP_GAIN = 2.885
CRUISE_WINDOW_GAIN = 2.0
PROBE_GAINS = (1.25, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
"""Pacing gains of PROBE_BW, a round trip time each."""
BANDWIDTH_ROUNDS = 10
MIN_RTT_SECS = 2.0
"""The smallest round trip time of this period and the one before counts."""
BETA, DRAIN = 0.7, 0.85
"""How far one period of congestion may lower the short-term bound, and how far below what came
through, so that the queue drains."""
QUEUE_TARGET = 0.05
"""A standing queue of more than this, or of half the round trip time, is congestion."""
HEAVY_LOSS, HEAVY_LOSS_PACKETS = 0.2, 10
"""Lost share of a period that is congestion though no queue stands (a policer)."""
FULL_ROUNDS, FULL_GROWTH = 3, 1.25
PERIOD_SECS, BAD_PERIODS = 0.1, 2
"""Congestion is looked for so often, and believed when it lasts: a queue in one period may be a
stall of either machine, whose process takes its packets late."""
GIVEN_SECS, SHRUNK = 0.5, 0.8
"""A queue that has not shrunk to this share, so long and two round trips after we began to send
less, is not ours: a longer way, or others' traffic. We would starve, and it would stay."""
BOUND_GROWTH = 1.15
"""How far a period without congestion raises the short-term bound, until it bounds no more."""
SLACK = 0.05
"""The window has room for what the other side's process, not the path, holds back so long."""
HELD_SECS = 0.1
"""So long a packet may lie in its socket, until the other side's process has CPU to take it, before
that counts as a queue: to send less helps a machine that has too little, not one that is late."""
LEAST_RTT_SECS = 1e-5
"""Less than any path takes."""
MOST_HELD_SECS = 0.15
"""Window and burst have room for what processes held back lately, up to so long, as BBR's for
acknowledgements that come together (draft-ietf-ccwg-bbr, extra_acked)."""
INITIAL_PACKETS, MIN_PACKETS = 10, 4
RESUMED_SHARE = 0.5
"""Of what the path gave to the connection before, a new one begins with so much."""
SAME_PATH = (0.5, 10.0)
"""If its round trip time is so many times that of before: otherwise it is another path."""


@dataclass(slots=True)
class Sent:
    """What was known when a packet left."""

    size: int
    at: float
    delivered: int
    delivered_at: float
    first_sent_at: float
    app_limited: bool


@dataclass(slots=True)
class _Queue:
    """What was known when the bound was first lowered for it."""

    since: float
    base: float
    """Round trip time without it."""
    delay: float
    bandwidth: float


class BandwidthModel:
    """Feed what was sent, acknowledged and lost; ask `window` and `pacing_rate`."""

    def __init__(self, packet_bytes: int) -> None:
        self.packet_bytes = packet_bytes
        self.in_flight = 0
        self.min_rtt = 0.0
        self.filled = False
        """The path was seen to give no more: startup is over."""
        self.backed_off = 0
        """Periods in which the short-term bound was lowered: how often it backed off."""
        self._delivered = 0
        self._delivered_at = 0.0
        self._first_sent_at = 0.0
        self._app_limited_until = 0
        self._rates: deque[tuple[int, float]] = deque()
        """Round and rate, rates falling: the head is the greatest of the last rounds."""
        self._bound: float | None = None
        self._round = 0
        self._round_ends_at = 0
        self._round_limited = True
        """The whole round was limited by the application."""
        self._period_at = 0.0
        self._period_rtt = 0.0
        self._held = self._period_held = 0.0
        """How long packets lay in sockets, at most, lately and in this period."""
        self._period_lost = self._period_acked = 0
        self._bad_periods = 0
        self._standing: _Queue | None = None
        """The queue for which the bound is lowered."""
        self._full_rate = 0.0
        self._full_rounds = 0
        self._before: tuple[float, float] | None = None
        """What an earlier connection on this path found: bandwidth and round trip time."""
        self._min_rtt_at = 0.0
        self._older_rtt = self._newer_rtt = math.inf
        self._phase = 2
        self._phase_at = 0.0

    # --- what may leave ----------------------------------------------------------------------

    @property
    def bandwidth(self) -> float:
        """Bytes per second that the path is believed to deliver; 0 while nothing is known."""
        if not self._rates:
            return 0.0
        rate = self._rates[0][1]
        return rate if self._bound is None else min(rate, self._bound)

    @property
    def window(self) -> int:
        """Bytes that may be in flight."""
        bandwidth = self.bandwidth
        floor = MIN_PACKETS * self.packet_bytes
        if self._bound is None:
            resumed = int(self._resumed_rate * self.min_rtt)
            floor = max(INITIAL_PACKETS * self.packet_bytes, resumed)
        if not bandwidth:
            return floor
        if self._bound is not None:
            return max(floor, int(bandwidth * (self.min_rtt + SLACK + self._held + 2 * TICK)))
        gain = CRUISE_WINDOW_GAIN if self.filled else STARTUP_GAIN
        return max(floor, int(bandwidth * (gain * (self.min_rtt + TICK) + SLACK + self._held)))

    @property
    def pacing_rate(self) -> float:
        """Bytes per second; 0 for no limit."""
        if self.filled:
            return PROBE_GAINS[self._phase] * self.bandwidth
        if not self._rates:
            return 0.0
        # A handshake has little to say, and its rate is no measure of the path: until startup is
        # over, the first window in a round trip is the least (section 5.6.2 of the draft).
        first = INITIAL_PACKETS * self.packet_bytes / max(self.min_rtt, 0.001)
        return max(STARTUP_GAIN * max(self.bandwidth, first), self._resumed_rate)

    @property
    def burst(self) -> int:
        """Bytes that may leave at once: two ticks at the path's rate, and those of a pause."""
        return max(
            INITIAL_PACKETS * self.packet_bytes, int((2 * TICK + self._held) * self.bandwidth)
        )

    @property
    def _queue_target(self) -> float:
        return max(QUEUE_TARGET, self.min_rtt / 2)

    def resume(self, bandwidth: float, rtt: float) -> None:
        """Begin with half of what an earlier connection on this path found (the jump of
        draft-ietf-tsvwg-careful-resume), until startup is over or that proves too much: the
        first congestion forgets it."""
        if bandwidth > 0 and rtt > 0:
            self._before = bandwidth, rtt

    @property
    def _resumed_rate(self) -> float:
        """Bytes per second to begin with; 0 for nothing known, or no more."""
        if self._before is None or self.filled or not self.min_rtt:
            return 0.0
        bandwidth, rtt = self._before
        least, most = SAME_PATH
        return RESUMED_SHARE * bandwidth if least <= self.min_rtt / rtt <= most else 0.0

    # --- what happened -----------------------------------------------------------------------

    def on_sent(self, size: int, now: float) -> Sent:
        """A packet of `size` bytes has left; give back what this returns when its fate is known."""
        if self.in_flight <= 0:
            self._first_sent_at = self._delivered_at = now
        self.in_flight += size
        return Sent(
            size,
            now,
            self._delivered,
            self._delivered_at,
            self._first_sent_at,
            self._app_limited_until > 0,
        )

    def on_idle(self) -> None:
        """The window has room and there is nothing to send: the sender limits the rate."""
        self._app_limited_until = max(1, self._delivered + self.in_flight)

    def on_acked(self, sent: Sent, now: float) -> None:
        self.in_flight -= sent.size
        self._delivered += sent.size
        self._delivered_at = now
        self._first_sent_at = sent.at
        self._period_acked += sent.size
        if self._app_limited_until and self._delivered > self._app_limited_until:
            self._app_limited_until = 0
        self._take_rate(sent, now)
        if sent.delivered >= self._round_ends_at:
            self._end_round()

    def on_rtt(self, rtt: float, now: float, there: float = 0.0, here: float = 0.0) -> None:
        """A round trip took `rtt`, until word of it was here. In that the packet lay `there` for
        so long, until the other side's process took it; and the word lay `here` after that."""
        # What the kernel noted is the wall clock's, which may have been set meanwhile.
        rtt = max(rtt - min(there, HELD_SECS), min(rtt, self.min_rtt), LEAST_RTT_SECS)
        self._period_held = max(self._period_held, min(there + here, MOST_HELD_SECS))
        self._held = max(self._held, self._period_held)
        self._period_rtt = min(rtt, self._period_rtt) if self._period_rtt else rtt
        if now - self._min_rtt_at > MIN_RTT_SECS:
            self._min_rtt_at = now
            self._older_rtt, self._newer_rtt = self._newer_rtt, rtt
        self._newer_rtt = min(self._newer_rtt, rtt)
        self.min_rtt = min(self._older_rtt, self._newer_rtt)
        self._turn_phase(now)
        if now - self._period_at >= max(PERIOD_SECS, self.min_rtt + TICK):
            self._end_period(now)

    def on_lost(self, sent: Sent) -> None:
        self.in_flight -= sent.size
        self._period_lost += sent.size

    def on_forgotten(self, sent: Sent) -> None:
        """Neither delivered nor lost: its keys were discarded, or it is sent again early."""
        self.in_flight -= sent.size

    def on_silence(self) -> None:
        """Persistent congestion (RFC 9002 section 7.6): nothing came through for long."""
        if self._rates:
            self._lower_bound(self.bandwidth * BETA)

    # --- inside ------------------------------------------------------------------------------

    def _take_rate(self, sent: Sent, now: float) -> None:
        interval = max(sent.at - sent.first_sent_at, now - sent.delivered_at)
        if interval < self.min_rtt or interval <= 0:
            return
        rate = (self._delivered - sent.delivered) / interval
        self._round_limited &= sent.app_limited
        if sent.app_limited and self._rates and rate < self._rates[0][1]:
            return
        while self._rates and self._rates[-1][1] <= rate:
            self._rates.pop()
        self._rates.append((self._round, rate))

    def _end_round(self) -> None:
        self._round += 1
        self._round_ends_at = self._delivered
        if not self._round_limited:
            while len(self._rates) > 1 and self._rates[0][0] < self._round - BANDWIDTH_ROUNDS:
                self._rates.popleft()
        self._check_full()
        self._round_limited = True

    def _end_period(self, now: float) -> None:
        """Heed congestion. By the clock: rounds grow as long as the queue that they wait in."""
        queue = self._period_rtt - self.min_rtt
        queued = queue > self._queue_target
        lost, total = self._period_lost, self._period_lost + self._period_acked
        heavy = lost > HEAVY_LOSS * total and lost > HEAVY_LOSS_PACKETS * self.packet_bytes
        self._bad_periods = self._bad_periods + 1 if queued or heavy else 0
        if self._is_given(queued, now):
            self._take_as_given(now)
        elif not queued:
            self._standing = None
        if self._bad_periods >= BAD_PERIODS and self._rates:
            if queued and self._standing is None:
                self._standing = _Queue(now, self.min_rtt, queue, self.bandwidth)
            came_through = self._period_acked / (now - self._period_at)
            self._lower_bound(max(DRAIN * came_through, self.bandwidth * BETA))
        elif self._bound is not None and not self._bad_periods:
            self._bound *= BOUND_GROWTH
            if self._bound > self._rates[0][1]:
                self._bound = None
        self._period_at = now
        self._period_rtt = 0.0
        self._held, self._period_held = self._period_held, 0.0
        self._period_lost = self._period_acked = 0

    def _is_given(self, queued: bool, now: float) -> bool:
        """Whether sending less was no use; what stands no longer by the round trips of the last
        seconds (`queued`) may have been forgotten instead of drained."""
        was = self._standing
        if was is None or self._period_rtt - was.base <= SHRUNK * was.delay:
            return False
        return not queued or now - was.since > GIVEN_SECS + 2 * self._period_rtt

    def _take_as_given(self, now: float) -> None:
        """What the round trip takes now is the path's, and the path carries what it did."""
        assert self._standing is not None
        self.min_rtt = self._older_rtt = self._newer_rtt = self._period_rtt
        self._min_rtt_at = now
        self._rates = deque([(self._round, self._standing.bandwidth)])
        self._bound = self._standing = None
        self._bad_periods = 0

    def _lower_bound(self, rate: float) -> None:
        self._before = None
        self._bound = min(rate, self.bandwidth)
        self.backed_off += 1
        self.filled = True

    def _check_full(self) -> None:
        """Startup ends when three rounds of sending all that may leave brought no more."""
        if self.filled or self._round_limited or not self._rates:
            return
        rate = self._rates[0][1]
        if rate >= self._full_rate * FULL_GROWTH:
            self._full_rate, self._full_rounds = rate, 0
            return
        self._full_rounds += 1
        self.filled = self._full_rounds >= FULL_ROUNDS

    def _turn_phase(self, now: float) -> None:
        if self.filled and now - self._phase_at > max(self.min_rtt, TICK):
            self._phase = (self._phase + 1) % len(PROBE_GAINS)
            self._phase_at = now
