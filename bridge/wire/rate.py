"""A token bucket on somebody else's clock."""


class TokenBucket:
    """Allows `burst` at once and `rate` a second in the long run."""

    def __init__(self, burst: float, rate: float, now: float) -> None:
        self._secs_each = 1.0 / rate
        self._secs_most = burst / rate + 1e-6
        self._full_at = now
        """When the bucket is full again: what is missing in it, told as a time."""
        self._spare = 0

    def spare(self, more: int) -> None:
        """Allow so many beyond the limit, once; what was left of such before is gone."""
        self._spare = more

    def take(self, now: float) -> bool:
        """Whether one more is within the limit at `now` (seconds, monotonic)."""
        full_at = (self._full_at if self._full_at > now else now) + self._secs_each
        if full_at - now > self._secs_most:
            self._spare -= 1
            return self._spare >= 0
        self._full_at = full_at
        return True
