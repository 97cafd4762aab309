"""Puts a track's datagrams back into order, and gives up on what is lost after a bounded wait."""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from bridge.wire.hearing import Hearing
from bridge.wire.limits import (
    EAR_LEAD,
    MAX_AHEAD_WAIT,
    MAX_HELD,
    MAX_HELD_AHEAD,
    MAX_SEQ_JUMP,
    REORDER_WAIT,
)


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

    def __init__(
        self,
        stats: TrackStats | None = None,
        hearing: Hearing | None = None,
        least: float = REORDER_WAIT,
    ) -> None:
        """With `hearing` a gap is waited for until the ear needs it, and more is held for it; for
        `least` seconds in any case."""
        self.next_seq = 0
        """The frame that is delivered next."""
        self.stats = stats if stats is not None else TrackStats()
        self._hearing = hearing
        self._least = least
        self._most_held = MAX_HELD if hearing is None else MAX_HELD_AHEAD
        self._held: dict[int, tuple[F, float]] = {}
        """Frames after a gap, with the time of their arrival, in the order of it."""

    @property
    def deadline(self) -> float | None:
        """When `expire` has something to do."""
        if not self._held:
            return None
        _, since = next(iter(self._held.values()))
        return self.patience(since, self._least, self.next_seq)

    def patience(self, since: float, least: float, seq: int) -> float:
        """Until when frame `seq` is worth waiting for, if `since` nothing has come of what is
        missing: for `least` seconds, or until the ear needs it, but not for ever."""
        if self._hearing is None:
            return since + least
        in_time = self._hearing.due(seq) - EAR_LEAD
        return max(since + least, min(in_time, since + MAX_AHEAD_WAIT))

    def push(self, frame: F, now: float) -> list[F]:
        """Take one frame at `now` (seconds); return those that are now in order."""
        seq = frame.seq
        if seq == self.next_seq and not self._held:  # nearly always
            self.stats.received += 1
            if self._hearing is not None:
                self._hearing.take(seq, now)
            self.next_seq = seq + 1
            return [frame]
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
        if self._hearing is not None and seq == self.next_seq:
            self._hearing.take(seq, now)
        self._held[seq] = (frame, now)
        out = self._release()
        if len(self._held) > self._most_held:
            out += self._give_up()
        return out

    def expire(self, now: float) -> list[F]:
        """Give up on gaps that held others back for too long."""
        out: list[F] = []
        while (deadline := self.deadline) is not None and now >= deadline:
            out += self._give_up()
        return out

    def restart(self, now: float) -> None:
        """The wait for what is missing begins anew."""
        self._held = {seq: (frame, now) for seq, (frame, _) in self._held.items()}

    def skip_to(self, seq: int) -> list[F]:
        """Give up on everything missing below `seq`; return what was held below it, and after it
        what has come into order by that."""
        out = [self._held.pop(held)[0] for held in sorted(s for s in self._held if s < seq)]
        if seq > self.next_seq:
            lost = seq - self.next_seq - len(out)
            self.stats.lost += lost
            self.next_seq = seq
            if self._hearing is not None:
                self._hearing.skip(lost)
        return out + self._release()

    def end_at(self, seq: int) -> int:
        """There are no frames from `seq` on: drop those that are held; returns how many."""
        beyond = [held for held in self._held if held >= seq]
        for held in beyond:
            del self._held[held]
        return len(beyond)

    def _give_up(self) -> list[F]:
        return self.skip_to(min(self._held))

    def _release(self) -> list[F]:
        out: list[F] = []
        while (held := self._held.pop(self.next_seq, None)) is not None:
            out.append(held[0])
            self.next_seq += 1
        return out
