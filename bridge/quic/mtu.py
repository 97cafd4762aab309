"""How large packets may be: packetization layer path MTU discovery (RFC 8899), no I/O.

Sizes are UDP payloads in bytes, times in seconds.
"""

from collections.abc import Sequence

LADDER = (1232, 1392, 1452, 1472)
"""IPv6's least MTU, tunnels, Ethernet with IPv6, Ethernet with IPv4."""
MAX_PROBES = 3
"""RFC 8899 section 5.1.2."""
PROBE_WAIT = 1.0
"""Between two probes."""
BLACK_HOLE_LOSSES = 10
"""So many packets above the base in a row, and none of them arrived: the path has changed."""
RAISE_FIRST, RAISE_MOST = 10.0, 600.0
"""After a fall the search begins anew, later each time."""


class PathMtu:
    """Searches from the top of the ladder: most paths carry it, and settle with one probe."""

    def __init__(self, base: int, most: int) -> None:
        self.base = base
        self.size = base
        self.black_holes = 0
        self._ladder: Sequence[int] = [s for s in LADDER if base < s <= most]
        self._untried = list(self._ladder)
        self._probing = 0
        """The size of the probe under way."""
        self._tries = 0
        self._next_at = 0.0
        self._lost_in_row = 0
        self._raise_after = RAISE_FIRST

    def next_probe(self, now: float) -> int | None:
        """The size to probe now, if any."""
        if self._probing or not self._untried or now < self._next_at:
            return None
        self._probing = self._untried[-1]
        self._next_at = now + PROBE_WAIT
        return self._probing

    def on_probe(self, size: int, arrived: bool) -> None:
        """A probe's fate."""
        if size != self._probing:
            return
        self._probing = 0
        if arrived:
            self.size = size
            self._untried = []
            return
        self._tries += 1
        if self._tries >= MAX_PROBES:
            self._untried.pop()
            self._tries = 0

    def on_packet(self, size: int, arrived: bool, now: float) -> bool:
        """A packet's fate. Returns whether `size` fell."""
        if size <= self.base or size > self.size:
            return False
        self._lost_in_row = 0 if arrived else self._lost_in_row + 1
        if self._lost_in_row < BLACK_HOLE_LOSSES:
            return False
        self.black_holes += 1
        self.size = self.base
        self._lost_in_row = 0
        self._probing = self._tries = 0
        self._untried = list(self._ladder)
        self._next_at = now + self._raise_after
        self._raise_after = min(self._raise_after * 2, RAISE_MOST)
        return True
