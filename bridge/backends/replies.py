"""The replies of a call: which of the server's responses speak for a turn, and what was heard."""

from collections import OrderedDict
from dataclasses import dataclass, field

from bridge.backends.interface import Message

REMEMBERED = 8
"""Replies that a late cancel may still name."""


@dataclass(slots=True)
class Item:
    """An assistant message of the server with audio in it."""

    item_id: str
    content_index: int
    size: int = 0
    """Bytes of audio that the server has sent."""


@dataclass(slots=True)
class Reply:
    """The reply to one turn; a function call makes it several responses long."""

    turn: int
    response_id: str = ""
    items: list[Item] = field(default_factory=list)
    words: str = ""
    begun: int = 0
    """Where in the audio the words began that are not in the history yet."""
    worded: str | None = None
    """The item whose words came last; empty if the server does not name it."""
    size: int = 0
    """Bytes of audio, over all connections."""
    calls_open: set[str] = field(default_factory=set)
    """Function calls without a result."""
    calling: bool = False
    """The response has called a function: it is not asked for again."""
    exchanges: list[Message] = field(default_factory=list)
    """The calls, their results, and news to speak about, as items of the conversation, for another
    connection; until they were spoken about, or another turn began."""
    rounds: int = 0
    """Responses that were asked for to speak about results."""
    follow_up: bool = False
    """A function's result is to be spoken about."""
    retried: bool = False
    instructions: str | None = None

    @property
    def spoke(self) -> bool:
        """There was audio of what is not in the history yet."""
        return self.size > self.begun

    def hear(self, item_id: str, content_index: int, size: int) -> None:
        last = self.items[-1] if self.items else None
        if last is None or (last.item_id, last.content_index) != (item_id, content_index):
            last = Item(item_id, content_index)
            self.items.append(last)
        last.size += size
        self.size += size

    def unheard(self, heard: int) -> list[tuple[Item, int]]:
        """Items that were not heard to their end, each with the bytes of it that were; never more
        than the server has sent. `heard` is bytes of the reply."""
        cut = []
        for item in self.items:
            if heard < item.size:
                cut.append((item, max(heard, 0)))
            heard -= item.size
        return cut


class Replies:
    """The last few replies, by turn."""

    def __init__(self) -> None:
        self._by_turn: OrderedDict[int, Reply] = OrderedDict()

    def begin(self, turn: int) -> Reply:
        reply = self._by_turn[turn] = Reply(turn)
        while len(self._by_turn) > REMEMBERED:
            self._by_turn.popitem(last=False)
        return reply

    def get(self, turn: int) -> Reply | None:
        return self._by_turn.get(turn)

    def of(self, response_id: str) -> Reply | None:
        """The reply that this response belongs to now."""
        for reply in reversed(self._by_turn.values()):
            if reply.response_id == response_id:
                return reply
        return None

    def calling(self, call_id: str) -> Reply | None:
        """The reply that waits for the result of this function call."""
        return next((r for r in self._by_turn.values() if call_id in r.calls_open), None)

    def forget_items(self, current: Reply | None) -> None:
        """There is another connection, which knows none of them; it is told of the exchanges."""
        for reply in self._by_turn.values():
            reply.items.clear()
            reply.response_id = ""
            if reply is current and reply.size:
                reply.items.append(Item("", 0, reply.size))
            if not reply.exchanges:
                reply.calls_open.clear()

    @property
    def exchanges(self) -> list[tuple[int, Message]]:
        """Of all of them, each with its turn."""
        return [(reply.turn, item) for reply in self._by_turn.values() for item in reply.exchanges]

    def settle(self) -> None:
        """What was called was spoken about, or the caller's turn is another."""
        for reply in self._by_turn.values():
            reply.exchanges.clear()
