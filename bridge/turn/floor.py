"""Whether the agent has the floor."""

_STOP_SETTLES_MS = 100  # the fade after a cancel still counts as the cancelled reply
_STOP_LIMIT_MS = 1000  # an agent that talks on for so long after a cancel is talking anew


class Floor:
    """The agent has the floor while it is audible and `tail_ms` after; a cancel takes it away
    until the agent has fallen silent, so that its last frames do not look like a new reply.
    """

    def __init__(self, tail_ms: int) -> None:
        self._tail_ms = tail_ms
        self._held_until: int | None = None
        self._echo_until: int | None = None
        self._stopped_at: int | None = None
        self.held = False
        """The agent has the floor."""
        self.echoing = False
        """What comes from the line may be the agent itself."""

    def push(self, now_ms: int, audible: bool) -> None:
        """Take one frame, at its sample clock."""
        if self._stopped_at is not None:
            since = now_ms - self._stopped_at
            if since >= (_STOP_LIMIT_MS if audible else _STOP_SETTLES_MS):
                self._stopped_at = None
        if audible:
            self._echo_until = now_ms + self._tail_ms
            if self._stopped_at is None:
                self._held_until = now_ms + self._tail_ms
        self.echoing = self._echo_until is not None and now_ms <= self._echo_until
        self.held = self._held_until is not None and now_ms <= self._held_until

    def keep(self, now_ms: int) -> None:
        """The agent only waits: it has the floor though it is silent."""
        self._held_until = now_ms + self._tail_ms
        self.held = True

    def stop(self, now_ms: int) -> None:
        """The agent was cancelled: the caller has the floor."""
        self._stopped_at = now_ms
        self._held_until = None
        self.held = False
