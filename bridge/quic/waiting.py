"""Datagrams that wait to leave, in the order of their ranks: 0 first, those of a rank as they came.

Nearly always all have the same rank, and this is a queue like any other: nothing is searched then.
"""

import math
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable

from bridge.quic.datagram import Datagram


def _rank(datagram: Datagram) -> int:
    return datagram.rank


class Waiting(deque[Datagram]):
    """Take from the left; add by the methods below only."""

    timed = False
    """Some may expire."""

    def put(self, datagram: Datagram) -> None:
        """Behind all of its rank. Set `timed` if it expires."""
        if not self or self[-1].rank <= datagram.rank:
            self.append(datagram)
        else:
            self.insert(bisect_right(self, datagram.rank, key=_rank), datagram)

    def put_back(self, datagrams: Iterable[Datagram]) -> None:
        """Before all of their rank: they were on their way already."""
        for datagram in reversed(list(datagrams)):
            if datagram.expires_at < math.inf:
                self.timed = True
            if not self or self[0].rank >= datagram.rank:
                self.appendleft(datagram)
            else:
                self.insert(bisect_left(self, datagram.rank, key=_rank), datagram)

    def count_to(self, rank: int) -> int:
        """How many have this rank, or a smaller one."""
        if not self or self[-1].rank <= rank:
            return len(self)
        return bisect_right(self, rank, key=_rank)

    def drop_arrived(self) -> None:
        """Take out what need not leave any more."""
        kept = [datagram for datagram in self if not datagram.arrived]
        if len(kept) < len(self):
            self.clear()
            self.extend(kept)

    def shed_before(self, at: float, now: float) -> list[Datagram]:
        """Take out what has waited since before `at`, of every rank, and what has expired."""
        out = []
        while self and self[0].queued_at < at:
            out.append(self.popleft())
        if self.timed or (self and self[0].rank != self[-1].rank):
            kept = [d for d in self if d.queued_at >= at and d.expires_at > now]
            if len(kept) < len(self):
                out += [d for d in self if d.queued_at < at or d.expires_at <= now]
                self.clear()
                self.extend(kept)
            self.timed = self.timed and any(d.expires_at < math.inf for d in self)
        return out

    def shed_to(self, bound: int) -> list[Datagram]:
        """Take out all but `bound`: the oldest of the last rank, then of the one before it."""
        out = []
        while len(self) > bound:
            if self[0].rank == self[-1].rank:
                out.append(self.popleft())
            else:
                at = bisect_left(self, self[-1].rank, key=_rank)
                out.append(self[at])
                del self[at]
        return out
