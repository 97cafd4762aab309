"""Sequence numbers of one SSRC: order, wrap, duplicates, loss (RFC 3550 appendices A.1 and A.3)."""

from enum import Enum

MAX_DROPOUT = 3000
MAX_MISORDER = 100
_HISTORY = 128
"""How far back a duplicate is recognised, in packets: more than MAX_MISORDER."""
_HISTORY_MASK = (1 << _HISTORY) - 1


class Order(Enum):
    NEXT = "next"
    """The successor of the newest packet."""
    AHEAD = "ahead"
    """Newer, but packets between are missing so far."""
    BEHIND = "behind"
    """Older than the newest, not seen before."""
    DUPLICATE = "duplicate"
    RESTART = "restart"
    """The sender began anew at another number: the second packet of it in a row."""
    JUMP = "jump"
    """Far from anything expected, and alone so far: not to be used."""


class SequenceTracker:
    """Follows one sender. Feed every packet's sequence number; constant memory."""

    def __init__(self, first: int):
        self._begin(first)

    def _begin(self, first: int) -> None:
        self._first = first
        self._newest = first
        """Extended: goes on counting where 16 bits wrap."""
        self._seen = 1
        """Bit n: `newest - n` was received."""
        self._after_jump = -1
        self.received = 1
        """Different packets since the beginning (or the last restart)."""

    @property
    def newest(self) -> int:
        """Extended highest sequence number received (32 bits, as RTCP reports it)."""
        return self._newest & 0xFFFFFFFF

    @property
    def expected(self) -> int:
        return self._newest - self._first + 1

    @property
    def lost(self) -> int:
        """Packets missing so far; one that comes late is not missing any more."""
        return self.expected - self.received

    def push(self, sequence: int) -> Order:
        """Take one packet's number (0 to 65535) and say where it belongs."""
        step = (sequence - self._newest) & 0xFFFF
        if step == 1:
            self._newest += 1
            self._seen = (self._seen << 1 | 1) & _HISTORY_MASK
            self.received += 1
            return Order.NEXT
        if 0 < step < MAX_DROPOUT:
            self._newest += step
            self._seen = (self._seen << step | 1) & _HISTORY_MASK
            self.received += 1
            return Order.AHEAD
        behind = -step & 0xFFFF
        if behind <= MAX_MISORDER:
            bit = 1 << behind
            if self._seen & bit:
                return Order.DUPLICATE
            if self._newest - behind < self._first:
                self._first = self._newest - behind
            self._seen |= bit
            self.received += 1
            return Order.BEHIND
        if sequence == self._after_jump:
            self._begin(sequence)
            return Order.RESTART
        self._after_jump = (sequence + 1) & 0xFFFF
        return Order.JUMP
