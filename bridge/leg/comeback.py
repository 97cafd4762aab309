"""When a call that is lost behind a relay asks anew to go on. docs/wire.md, section "Breaks".

A relay says neither that the gateway is away nor that it is back, and may keep what it is told for
somebody who is dead: so the call asks again and again, each time on tracks that nobody has used.
Core without I/O.
"""

from bridge.wire.limits import ANSWER_WAIT, ASK_PAUSE, TAKEN_WAIT


class Comeback:
    """One call's. Times in seconds."""

    def __init__(self, relayed: bool) -> None:
        """`relayed`: to a gateway itself one attempt a connection is enough, for it hears all."""
        self.attempt = 0
        """The number of the present tracks; 0 are the call's first."""
        self.wanted = False
        """Other tracks are, on the connection that stands."""
        self.due: float | None = None
        """When they will be, unless there is an answer; `expire` then."""
        self._relayed = relayed

    @property
    def asking(self) -> bool:
        """Whether the present attempt is not the last on this connection."""
        return self.wanted or self.due is not None

    def at_once(self) -> None:
        """The connection stands, but nobody seems to hear the call on it."""
        self.wanted = True

    def expire(self, now: float) -> None:
        if self.due is not None and now >= self.due:
            self.due, self.wanted = None, True

    def begin(self, now: float) -> None:
        """An attempt begins."""
        self.attempt += 1
        self.wanted = False
        self.due = now + ANSWER_WAIT if self._relayed else None

    def taken(self, now: float) -> None:
        """A gateway has heard of it, and will answer."""
        if self.due is not None:
            self.due = now + TAKEN_WAIT

    def failed(self, now: float) -> None:
        """The attempt has come to nothing."""
        if self.due is not None:
            self.due = min(self.due, now + ASK_PAUSE)

    def stop(self) -> None:
        """The call goes on, or has ended, or has no connection to ask on."""
        self.due, self.wanted = None, False
