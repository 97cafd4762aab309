"""A datagram on its way, and what is known of it."""

import math
from collections.abc import Hashable
from dataclasses import dataclass

ORDINARY = 128 << 8 | 128
"""The rank of what nobody has given another: both priorities of MoQT in the middle."""


@dataclass(slots=True, eq=False)
class Datagram:
    data: bytes
    track: Hashable = None
    """Whose it is: for counting what was shed, and for `hurry`."""
    queued_at: float = 0.0
    repair_until: float = 0.0
    """Sent again when it was lost, if it can still arrive before this time."""
    arrived: bool = False
    rank: int = ORDINARY
    """Of what waits, the smallest leaves first."""
    expires_at: float = math.inf
    """From then on it must not leave."""
