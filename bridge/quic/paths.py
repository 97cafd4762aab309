"""What ended connections found of their paths, for those that come after them (careful resume,
draft-ietf-tsvwg-careful-resume: saved parameters are of one remote address, have a lifetime, and
are used by a sender that has proof of the address). Times in seconds, of any clock."""

from collections import OrderedDict, deque
from typing import NamedTuple

SAME_PATH_SECS = 60.0
"""For so long what a connection found of its path is believed by the next one."""
MOST_ADDRESSES, MOST_OF_ONE = 1024, 16
"""Remote addresses that are remembered, and connections of each."""


class Found(NamedTuple):
    bandwidth: float
    """Bytes per second."""
    rtt: float
    ended_at: float


class KnownPaths:
    """By remote address, the newest kept. What one connection left, one other takes up: so several
    of one machine, or behind one NAT, do not all begin with what one of them had."""

    def __init__(self) -> None:
        self._found: OrderedDict[str, deque[Found]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._found)

    def remember(self, address: str, bandwidth: float, rtt: float, now: float) -> None:
        """A connection has ended; what has found nothing is no news."""
        if bandwidth <= 0 or rtt <= 0:
            return
        of_one = self._found.setdefault(address, deque(maxlen=MOST_OF_ONE))
        of_one.append(Found(bandwidth, rtt, now))
        self._found.move_to_end(address)
        while len(self._found) > MOST_ADDRESSES:
            self._found.popitem(last=False)

    def take(self, address: str, now: float) -> Found | None:
        """For one connection whose address was proved: the newest, if it is fresh."""
        of_one = self._found.get(address)
        found = of_one.pop() if of_one else None
        stale = found is None or now - found.ended_at >= SAME_PATH_SECS
        if stale or not of_one:
            self._found.pop(address, None)
        return None if stale else found
