"""When the caller's ear needs a frame of a reply, at the soonest. Core without I/O."""


class Hearing:
    """One reply, as either end sees it: it is heard in real time, and nothing of it before it is
    there. So what a model says faster than that may be repaired for as long as it is ahead."""

    def __init__(self, frame_secs: float) -> None:
        self._frame_secs = frame_secs
        self._begins_at = float("-inf")

    def take(self, seq: int, now: float) -> None:
        """Frame `seq` leaves, or is there: those after it are heard after it."""
        self._begins_at = max(self._begins_at, now - seq * self._frame_secs)

    def leave(self, seq: int, now: float) -> float:
        """Frame `seq` leaves; returns for how long the ear does not need it yet (seconds)."""
        begins_at = now - seq * self._frame_secs
        if begins_at >= self._begins_at:
            self._begins_at = begins_at
            return 0.0
        return self._begins_at - begins_at

    def skip(self, frames: int) -> None:
        """So many are given up; the ear may not be given the time for them."""
        self._begins_at -= frames * self._frame_secs

    def due(self, seq: int) -> float:
        """Frame `seq` is not needed before that time (seconds)."""
        return self._begins_at + seq * self._frame_secs
