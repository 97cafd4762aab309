"""How one end of a call outlives a break of its connection: by which token, for how long, and
which messages are said again. docs/wire.md, section "Breaks"."""

from collections.abc import Iterable

from bridge.wire.history import MessageHistory


class Resumption:
    """The same on both ends; audio is said again by what keeps it. Times in seconds."""

    def __init__(self) -> None:
        self.token, self.secs = "", 0
        """By which, and for how long; none before the gateway has offered it."""
        self.received = 0
        """Messages taken from the other side, which has to say again what a break swallowed."""
        self._said = MessageHistory()
        self._lost_at: float | None = None

    def offer(self, token: str, secs: int) -> None:
        """The call may be taken up again; without a token it may not."""
        self.token, self.secs = token, secs

    @property
    def lost(self) -> bool:
        """There is no connection, or none on which the call goes on."""
        return self._lost_at is not None

    @property
    def deadline(self) -> float | None:
        """When a call that waits for a connection has waited long enough."""
        return None if self._lost_at is None else self._lost_at + self.secs

    def lose(self, now: float) -> bool:
        """The connection is gone. Returns whether the call waits for another."""
        if self.token and self._lost_at is None:
            self._lost_at = now
        return self.lost

    def found(self, now: float) -> float:
        """The call goes on. Returns for how long it did not."""
        gap = now - self._lost_at if self._lost_at is not None else 0.0
        self._lost_at = None
        return gap

    def say(self, bodies: Iterable[bytes]) -> None:
        """Messages leave."""
        self._said.add(bodies)

    def lacking(self, received: int) -> list[bytes]:
        """What the other side, which has taken so many, is to be told again. Raises WireError when
        that is not known any more, or was never said."""
        return self._said.after(received)

    def begin_again(self) -> None:
        """Nothing was said or taken yet, as it turned out."""
        self._said = MessageHistory()
        self.received = 0

    def start_over(self) -> None:
        """The other side has forgotten the call, and answered what it was asked anew."""
        self._said = MessageHistory()
        self._said.add([b""])  # our `open`
        self.received = 1
