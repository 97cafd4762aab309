"""Finds a process that is alive but stuck. A core without a clock: whoever owns one ticks it."""


class Heartbeat:
    """Counts pings that nobody answered on one link.

    It counts pings instead of time, so that a machine that was asleep, or a supervisor that was
    itself held up, does not condemn a child for the pause: the missing answers must have been
    asked for.
    """

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._sent = 0
        self._answered = 0

    @property
    def stuck(self) -> bool:
        return self._sent - self._answered >= self._patience

    def ping(self) -> int:
        """The number of the ping to send now."""
        self._sent += 1
        return self._sent

    def pong(self, n: int) -> None:
        """An answer came. Numbers that were never asked are ignored."""
        if self._answered < n <= self._sent:
            self._answered = n

    def reset(self) -> None:
        """The link is new: nothing is outstanding."""
        self._sent = self._answered = 0
