"""How many requests the other side may make."""

from bridge.moqt.errors import SessionCode, SessionError
from bridge.moqt.limits import Limits


class RequestRate:
    """So many at once, and so many a second; times in seconds."""

    def __init__(self, limits: Limits, now: float) -> None:
        self.at = now
        """When the last one came."""
        self._limits = limits
        self._credit = float(limits.request_burst)

    def spend(self, now: float) -> None:
        """One more. Raises SessionError when that is one too many."""
        limits = self._limits
        grown = self._credit + (now - self.at) * limits.request_rate
        self._credit = min(float(limits.request_burst), grown) - 1.0
        self.at = now
        if self._credit < 0:
            raise SessionError(SessionCode.INTERNAL_ERROR, "too many requests")
