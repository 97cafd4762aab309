"""The replies of a call: which of the server's responses speak for a turn, and what was heard."""

from collections import OrderedDict
from dataclasses import dataclass, field

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
    size: int = 0
    """Bytes of audio, over all connections."""
    calls_open: set[str] = field(default_factory=set)
    """Function calls without a result."""
    follow_up: bool = False
    """A function's result is to be spoken about."""
    retried: bool = False
    instructions: str | None = None
    done: bool = False

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

    def forget_items(self) -> None:
        """There is another connection, which knows none of them."""
        for reply in self._by_turn.values():
            reply.items.clear()
            reply.response_id = ""
            reply.calls_open.clear()
