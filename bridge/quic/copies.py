"""What is sent again soon after its first sending, without waiting to hear that it was lost."""

import heapq
import itertools

from bridge.quic.datagram import Datagram

AGAIN_SECS = (0.003, 0.010)
"""What must not be late is sent again after these times, unless it is known to have arrived: soon,
for a single loss costs no more than that; and when a short burst of losses is over."""
MAX_COPIES = 2048
"""Copies that wait for their time; more are not sent."""
EARLY = 0.001
"""A timer of whole milliseconds may go off so much too soon."""

StreamRange = tuple[int, int, int]
"""A stream's id, the offset of the first byte, and that after the last."""


class Copies:
    """A schedule, without a clock: times are seconds."""

    def __init__(self) -> None:
        self.asked = 0
        """How much was to be sent again so far."""
        self._heap: list[tuple[float, int, Datagram | StreamRange]] = []
        """Soonest first: when, a number that keeps order, and what."""
        self._numbers = itertools.count()

    def add(self, what: Datagram | StreamRange, now: float) -> None:
        if len(self._heap) >= MAX_COPIES:
            return
        self.asked += 1
        for secs in AGAIN_SECS:
            heapq.heappush(self._heap, (now + secs, next(self._numbers), what))

    @property
    def deadline(self) -> float | None:
        """When `due` has something to give."""
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> list[Datagram | StreamRange]:
        """What is to be sent now; of datagrams, those not known to have arrived."""
        out = []
        while self._heap and self._heap[0][0] <= now + EARLY:
            _, _, what = heapq.heappop(self._heap)
            if isinstance(what, tuple) or not what.arrived:
                out.append(what)
        return out

    def clear(self) -> None:
        self._heap.clear()
