"""A path on a virtual clock: delay, loss, a bottleneck with a queue; and a sender of audio."""

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from bridge.quic.bandwidth import TICK, BandwidthModel, Sent

PACKET = 1200
LATE_SECS = 0.15
"""A process may be late by so much, and nothing is taken for lost by that."""


@dataclass
class PathModel:
    """One way; acknowledgements come back after the other half of the round trip, never lost."""

    rtt: float = 0.05
    rate: float = 0.0
    """Bytes per second of the bottleneck; 0: unlimited."""
    queue_bytes: int = 10**9
    loss: Callable[[], bool] = lambda: False
    free_at: float = 0.0
    deepest: float = 0.0
    """Longest wait in the bottleneck's queue, seconds."""

    def carry(self, size: int, now: float) -> float | None:
        """When the packet arrives, or None."""
        if self.loss():
            return None
        if not self.rate:
            return now + self.rtt / 2
        waits = max(0.0, self.free_at - now)
        if waits * self.rate + size > self.queue_bytes:
            return None
        self.deepest = max(self.deepest, waits)
        self.free_at = max(self.free_at, now) + size / self.rate
        return self.free_at + self.rtt / 2


def on_time(at: float) -> float:
    """A process that has its CPU whenever it wants it."""
    return at


def in_slices(run: float, pause: float, phase: float = 0.0) -> Callable[[float], float]:
    """When a process goes on that runs for `run` seconds, then has no CPU for `pause`."""

    def goes_on(at: float) -> float:
        into = (at + phase) % (run + pause)
        return at if into < run else at + run + pause - into

    return goes_on


@dataclass
class Outcome:
    delivered: list[float] = field(default_factory=list)
    """Delay of each delivered packet from when the audio was ready, in order of arrival."""
    arrived_at: list[float] = field(default_factory=list)
    shed: int = 0
    offered: int = 0
    windows: list[tuple[float, int]] = field(default_factory=list)

    def rate(self, since: float, until: float) -> float:
        """Bytes per second that arrived."""
        return PACKET * sum(since <= t < until for t in self.arrived_at) / (until - since)

    def delays(self, since: float) -> list[float]:
        pairs = zip(self.delivered, self.arrived_at, strict=True)
        return sorted(d for d, t in pairs if t >= since)


class Simulation:
    """`packets_per_tick` packets of audio are ready every 20 ms; those that wait for longer than
    `max_age` are shed, oldest first; the model alone decides when the others leave."""

    def __init__(
        self,
        path: PathModel,
        packets_per_tick: int,
        max_age: float = 0.2,
        here: Callable[[float], float] = on_time,
        there: Callable[[float], float] = on_time,
    ) -> None:
        """`here` and `there`: when the sender's and the receiver's process go on with what came
        to them at a time. The receiver says how long a packet waited for it, as the kernel does."""
        self.path = path
        self._here, self._there = here, there
        self.model = BandwidthModel(PACKET)
        self.out = Outcome()
        self.now = 0.0
        self.packets_per_tick = packets_per_tick
        self.greedy = False
        """Always has something to send: a model that speaks ahead of real time."""
        self._max_age = max_age
        self._heap: list = []
        self._order = itertools.count()
        self._queue: deque[float] = deque()
        self._unacked: dict[int, Sent] = {}
        self._numbers = itertools.count()
        self._tokens = 0.0
        self._tokens_at = 0.0
        self._paced = False
        self._heard_at = 0.0
        self._at(0.0, self._tick)

    def run(self, until: float) -> Outcome:
        while self._heap and self._heap[0][0] < until:
            self.now, _, action = heapq.heappop(self._heap)
            action()
        self.now = until
        return self.out

    def _at(self, when: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (when, next(self._order), action))

    def _tick(self) -> None:
        self._at(self.now + TICK, self._tick)
        self._at(self._here(self.now), lambda ready=self.now: self._speak(ready))

    def _speak(self, ready: float) -> None:
        self._queue.extend([ready] * self.packets_per_tick)
        self.out.offered += self.packets_per_tick
        while self._queue and self.now - self._queue[0] > self._max_age:
            self._queue.popleft()
            self.out.shed += 1
        self._probe_timeout()
        self._send()
        self.out.windows.append((self.now, self.model.window))

    def _probe_timeout(self) -> None:
        """What QUIC's probe does when the last packets were lost (RFC 9002 section 6.2)."""
        wait = max(3 * self.path.rtt, LATE_SECS) + self.path.deepest
        while self._unacked and self.now - self._heard_at > wait:
            oldest = next(iter(self._unacked))
            if self.now - self._unacked[oldest].at < wait:
                return
            self.model.on_lost(self._unacked.pop(oldest))

    def _send(self) -> None:
        model = self.model
        if self.greedy:
            self._queue.extend([self.now] * (400 - len(self._queue)))
        while self._queue and model.in_flight + PACKET <= model.window:
            if rate := model.pacing_rate:
                earned = (self.now - self._tokens_at) * rate
                self._tokens = min(self._tokens + earned, model.burst)
                self._tokens_at = self.now
                if self._tokens < 0:
                    if not self._paced:
                        self._paced = True
                        self._at(self._here(self.now + 0.001), self._go_on)
                    return
                self._tokens -= PACKET
            ready, number = self._queue.popleft(), next(self._numbers)
            self._unacked[number] = model.on_sent(PACKET, self.now)
            arrives = self.path.carry(PACKET, self.now)
            if arrives is not None:
                taken = self._there(arrives)
                self._at(taken, lambda n=number, r=ready, t=taken - arrives: self._arrive(n, r, t))
        if not self._queue:
            model.on_idle()

    def _go_on(self) -> None:
        self._paced = False
        self._send()

    def _arrive(self, number: int, ready: float, lay: float) -> None:
        self.out.delivered.append(self.now - ready)
        self.out.arrived_at.append(self.now)
        back = self.now + self.path.rtt / 2
        self._at(self._here(back), lambda: self._acked(number, back, lay))

    def _acked(self, number: int, at: float, lay: float) -> None:
        """Hear that a packet arrived: the word of it came at a time, and says how long it lay."""
        sent = self._unacked.pop(number, None)
        if sent is None:
            return
        self._heard_at = self.now
        self.model.on_acked(sent, at)
        self.model.on_rtt(at - sent.at, at, lay, self.now - at)
        while self._unacked and (oldest := next(iter(self._unacked))) < number - 2:
            self.model.on_lost(self._unacked.pop(oldest))
        self._send()


def random_loss(share: float, seed: int = 1) -> Callable[[], bool]:
    rng = random.Random(seed)
    return lambda: rng.random() < share


def bursty_loss(share: float, mean_burst: float = 4.0, seed: int = 1) -> Callable[[], bool]:
    """Two states (Gilbert): all or nothing gets through; `share` is lost in the long run."""
    rng = random.Random(seed)
    bad = False

    def lost() -> bool:
        nonlocal bad
        leave, enter = 1 / mean_burst, share / (1 - share) / mean_burst
        bad = rng.random() >= leave if bad else rng.random() < enter
        return bad

    return lost
