"""The caller's audio on its way to a server: only turns are sent, each with its beginning.

A turn is known to be one some time after its onset, so what came before is kept. A backchannel
never becomes a turn, and never reaches the server.
"""

from bridge.backends.interface import AudioFormat

KEPT_MS = 15_000
"""Audio since the last commit that is kept: a caller who takes a commit back may have spoken."""


class TurnAudio:
    """Feed all audio; `take` gives what the server is owed.

    What is owed and what was said in the turn so far are bounded by `max_turn_ms`, the oldest is
    dropped.
    """

    def __init__(self, format: AudioFormat, preroll_ms: int, max_turn_ms: int) -> None:
        self._preroll = preroll_ms * format.bytes_per_ms
        self._kept = max(preroll_ms, KEPT_MS) * format.bytes_per_ms
        self._max_turn = max_turn_ms * format.bytes_per_ms
        self._before = bytearray()
        """Since the last commit, while no turn is open."""
        self._said = bytearray()
        """The turn from its beginning, for a server that has to be told again."""
        self._owed = bytearray()
        self.open = False

    def push(self, data: bytes) -> None:
        if self.open:
            self._add(data)
        else:
            self._before += data
            del self._before[: -self._kept]

    def begin(self) -> None:
        """A turn has begun, a moment ago."""
        self._said.clear()
        self._owed.clear()
        self.open = True
        self._add(bytes(self._before[-self._preroll :]) if self._preroll else b"")
        self._before.clear()

    def go_on(self) -> None:
        """The turn that was committed goes on, with all that came since."""
        self.open = True
        self._add(bytes(self._before))
        self._before.clear()

    def commit(self) -> None:
        """The turn is over; its audio may still be owed."""
        if not self.open:
            self.begin()
        self.open = False

    def repeat(self) -> None:
        """The server has forgotten the turn: all of it is owed again."""
        self._owed[:] = self._said

    def forget(self) -> None:
        """Nobody is owed anything."""
        self._owed.clear()

    @property
    def owed(self) -> int:
        """Bytes."""
        return len(self._owed)

    def take(self, size: int) -> bytes:
        """The next `size` bytes or fewer."""
        data = bytes(self._owed[:size])
        del self._owed[:size]
        return data

    def _add(self, data: bytes) -> None:
        for buffer in (self._said, self._owed):
            buffer += data
            del buffer[: -self._max_turn]
