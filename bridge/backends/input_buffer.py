"""The server's buffer of the caller's audio: what it has, and which item was made of which turn."""

from collections import OrderedDict, deque

from bridge.backends.interface import AudioFormat
from bridge.backends.outbox import Outbox, remember
from bridge.backends.turn_audio import TurnAudio

APPEND_MS = 100
"""Audio in one append: ten messages a second instead of fifty."""
SHORTEST_COMMIT_MS = 100
"""The server refuses to commit less."""


class InputBuffer:
    def __init__(
        self, format: AudioFormat, preroll_ms: int, max_turn_ms: int, outbox: Outbox
    ) -> None:
        self._format = format
        self._outbox = outbox
        self._audio = TurnAudio(format, preroll_ms, max_turn_ms)
        self._appended = 0
        """Bytes in the server's buffer."""
        self._committing: deque[int] = deque()
        """Turns committed that the server has not confirmed."""
        self._turn_of_item: OrderedDict[str, object] = OrderedDict()

    @property
    def open(self) -> bool:
        """A turn is."""
        return self._audio.open

    def reset(self, unanswered: bool) -> None:
        """There is another connection; `unanswered`: the last turn is owed to it."""
        self._appended = 0
        self._committing.clear()
        self._turn_of_item.clear()
        if unanswered:
            self._audio.repeat()
        else:
            self._audio.forget()

    def hear(self, data: bytes) -> None:
        self._audio.push(data)
        if self._audio.open:
            self.feed()

    def begin(self, turn: int) -> None:
        if self._audio.open and self._appended:
            # What was sent belongs to a turn that came to nothing.
            self._outbox.send("input_audio_buffer.clear", turn)
            self._appended = 0
        self._audio.begin()
        self.feed()

    def go_on(self) -> None:
        """The turn that was committed goes on."""
        self._audio.go_on()
        self.feed()

    def close(self) -> None:
        """The turn is over."""
        self._audio.commit()

    def feed(self, at_least: int | None = None) -> None:
        """Send owed audio in whole appends, or all of it with 1."""
        size = APPEND_MS * self._format.bytes_per_ms
        least = size if at_least is None else at_least
        while self._outbox.ready and self._audio.owed >= least:
            data = self._audio.take(size)
            self._appended += len(data)
            self._outbox.append(data)

    def commit(self, turn: int) -> None:
        if not self._outbox.ready:
            return
        self.feed(1)
        if not self._appended:
            return  # nothing was said, and an empty buffer cannot be committed
        short = SHORTEST_COMMIT_MS * self._format.bytes_per_ms - self._appended
        if short > 0:
            self._outbox.append(self._format.silence * (-(-short // self._format.bytes_per_ms)))
        self._outbox.send("input_audio_buffer.commit", turn)
        self._appended = 0
        self._committing.append(turn)

    def committed(self, item_id: str) -> None:
        """The server made an item of the oldest turn that it owed one."""
        if self._committing:
            remember(self._turn_of_item, item_id, self._committing.popleft())

    def refused(self, turn: int) -> None:
        """The server did not commit this turn."""
        if turn in self._committing:
            self._committing.remove(turn)

    def turn_of(self, item_id: str) -> int | None:
        turn = self._turn_of_item.get(item_id)
        return turn if isinstance(turn, int) else None
