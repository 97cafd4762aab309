"""When a Realtime server may be asked for a response: it makes one at a time, and refuses a second.

A response that was cancelled is open until the server says that it is over; the next waits for
that, but not for ever.
"""

from collections import OrderedDict, deque

from bridge.backends.outbox import remember

CANCELLED_WAIT = 3.0
"""How long the end of a cancelled response is waited for before the next is asked for."""
RETRY_WAIT = 0.5
"""After a response that failed, before it is asked for once more."""
LONGEST_RETRY_WAIT = 5.0
"""The same where the server names a time: a caller who waits longer has given up."""


class Asking:
    def __init__(self) -> None:
        self.wanted = False
        """A response is to be asked for."""
        self._open: OrderedDict[str, object] = OrderedDict()
        """Responses that the server has begun and not ended."""
        self._asked: deque[int] = deque()
        """Turns of the responses asked for that the server has not begun."""
        self._clear_by: float | None = None
        self._retry_at: float | None = None
        self._limited_until = 0.0

    @property
    def deadline(self) -> float | None:
        times = (self._clear_by, self._retry_at)
        return min((t for t in times if t is not None), default=None)

    def reset(self) -> None:
        """There is another connection."""
        self._open.clear()
        self._asked.clear()
        self._clear_by = self._retry_at = None

    def stop(self) -> None:
        """No response is wanted."""
        self.wanted = False
        self._clear_by = self._retry_at = None

    def may_ask(self, now: float) -> bool:
        """Whether the response that is wanted is to be asked for now."""
        if not self.wanted or self._retry_at is not None:
            return False
        if self._open or self._asked:
            if self._clear_by is None:
                self._clear_by = now + CANCELLED_WAIT
            return False
        return True

    def asked(self, turn: int) -> None:
        self.wanted = False
        self._clear_by = None
        self._asked.append(turn)

    def began(self, response_id: str) -> int | None:
        """The turn that it was asked for; None when nobody had asked."""
        remember(self._open, response_id, None)
        return self._asked.popleft() if self._asked else None

    def ended(self, response_id: str) -> None:
        self._open.pop(response_id, None)

    def refused(self, turn: int) -> None:
        self._asked = deque(asked for asked in self._asked if asked != turn)

    def is_open(self, response_id: str) -> bool:
        return response_id in self._open

    def is_asked(self, turn: int) -> bool:
        return turn in self._asked

    def limited(self, secs: float, now: float) -> None:
        """The server has nothing left for so long."""
        self._limited_until = now + secs

    def retry(self, now: float) -> None:
        """The response failed: ask once more, after a while."""
        wait = min(max(self._limited_until - now, RETRY_WAIT), LONGEST_RETRY_WAIT)
        self.wanted = True
        self._retry_at = now + wait

    def expire(self, now: float) -> bool:
        """Call at `deadline`; whether `may_ask` may have another answer now."""
        due = False
        if self._clear_by is not None and now >= self._clear_by:
            self._clear_by = None
            self._open.clear()
            self._asked.clear()
            due = True
        if self._retry_at is not None and now >= self._retry_at:
            self._retry_at = None
            due = True
        return due
