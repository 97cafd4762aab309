"""When a child process that died starts again. Times in seconds on one monotonic clock."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RestartOptions:
    first_secs: float = 1.0
    """Pause before the first restart; doubles with every death that follows soon."""
    longest_secs: float = 30.0
    steady_secs: float = 60.0
    """A child that ran this long was well: its next death counts as the first."""


class RestartPolicy:
    """Back-off of one child: it is told of starts and deaths, and answers with a pause."""

    def __init__(self, options: RestartOptions | None = None) -> None:
        self._options = options or RestartOptions()
        self._started_at = 0.0
        self._pause = self._options.first_secs
        self.restarts = 0
        """Deaths so far that were followed by a new start."""

    def started(self, now: float) -> None:
        self._started_at = now

    def died(self, now: float) -> float:
        """Seconds to wait before the child is started again."""
        if now - self._started_at >= self._options.steady_secs:
            self._pause = self._options.first_secs
        pause = self._pause
        self._pause = min(self._pause * 2, self._options.longest_secs)
        self.restarts += 1
        return pause
