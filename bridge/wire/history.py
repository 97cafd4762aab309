"""What a call's end has said lately, to say again what a broken connection swallowed."""

from collections import deque
from collections.abc import Iterable

from bridge.wire.errors import ErrorCode, WireError
from bridge.wire.limits import MAX_REMEMBERED


class MessageHistory:
    """The last messages, counted from the call's first."""

    def __init__(self) -> None:
        self._messages: deque[bytes] = deque(maxlen=MAX_REMEMBERED)
        self._said = 0

    def add(self, bodies: Iterable[bytes]) -> None:
        for body in bodies:
            self._messages.append(body)
            self._said += 1

    def after(self, received: int) -> list[bytes]:
        """What the other side, which has `received`, lacks. Raises WireError when that is not
        known any more, or was never said."""
        lacking = self._said - received
        if not 0 <= lacking <= len(self._messages):
            raise WireError(
                ErrorCode.PROTOCOL_VIOLATION, f"{received} messages received of {self._said}"
            )
        return list(self._messages)[len(self._messages) - lacking :]
