"""Puts a track's datagrams back into order, and gives up on what is lost after a bounded wait."""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from bridge.wire.limits import MAX_HELD, MAX_SEQ_JUMP, REORDER_WAIT


class Sequenced(Protocol):
    @property
    def seq(self) -> int: ...


F = TypeVar("F", bound=Sequenced)


@dataclass(slots=True)
class TrackStats:
    received: int = 0
    duplicates: int = 0
    late: int = 0
    """Arrived after they were given up, or again after they were delivered."""
    lost: int = 0
    """Given up, whether or not they came late."""
    refused: int = 0
    """Too far ahead to be believed."""


class Reorder(Generic[F]):
    """Frames in, the same frames in order of `seq` out; a gap shows as a jump in `seq`."""

    def __init__(self, stats: TrackStats | None = None) -> None:
        self.next_seq = 0
        """The frame that is delivered next."""
        self.stats = stats if stats is not None else TrackStats()
        self._held: dict[int, F] = {}
        self._deadline: float | None = None

    @property
    def deadline(self) -> float | None:
        """When `expire` has something to do."""
        return self._deadline

    def push(self, frame: F, now: float) -> list[F]:
        """Take one frame at `now` (seconds); return those that are now in order."""
        seq = frame.seq
        if seq < self.next_seq:
            self.stats.late += 1
            return []
        if seq in self._held:
            self.stats.duplicates += 1
            return []
        if seq - self.next_seq > MAX_SEQ_JUMP:
            self.stats.refused += 1
            return []
        self.stats.received += 1
        if seq == self.next_seq and not self._held:
            self.next_seq = seq + 1
            return [frame]
        self._held[seq] = frame
        if len(self._held) > MAX_HELD:
            return self._give_up(now)
        return self._release(now)

    def expire(self, now: float) -> list[F]:
        """Give up on gaps that held others back for too long."""
        if self._deadline is None or now < self._deadline:
            return []
        return self._give_up(now)

    def skip_to(self, seq: int, now: float) -> list[F]:
        """Give up on everything missing below `seq`; return what was held below it, and after it
        what has come into order by that."""
        out: list[F] = []
        for held in sorted(s for s in self._held if s < seq):
            out.append(self._held.pop(held))
        if seq > self.next_seq:
            self.stats.lost += seq - self.next_seq - len(out)
            self.next_seq = seq
        return out + self._release(now)

    def _give_up(self, now: float) -> list[F]:
        return self.skip_to(min(self._held), now)

    def _release(self, now: float) -> list[F]:
        out: list[F] = []
        while (frame := self._held.pop(self.next_seq, None)) is not None:
            out.append(frame)
            self.next_seq += 1
        if not self._held:
            self._deadline = None
        elif out or self._deadline is None:
            self._deadline = now + REORDER_WAIT
        return out
