"""Session tickets (RFC 8446 section 2.2), so that a connection is made again without waiting for
the handshake; each is used once."""

from collections import OrderedDict
from typing import Protocol

CLIENT_TICKETS = 4
"""For each endpoint; the newest are kept."""
SERVER_TICKETS = 4096
"""Handed out and not used yet; of more the oldest are forgotten, and cost a full handshake."""


class Ticket(Protocol):
    ticket: bytes

    @property
    def is_valid(self) -> bool: ...


class Tickets:
    """Single-use tickets, bounded.

    On a server this is the replay bound of RFC 8446 section 8.1: a first flight that arrives again
    finds its ticket used, its early data is refused, and it has to shake hands in full.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._tickets: OrderedDict[bytes, Ticket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._tickets)

    def add(self, ticket: Ticket) -> None:
        self._tickets[ticket.ticket] = ticket
        while len(self._tickets) > self._most:
            self._tickets.popitem(last=False)

    def take(self, name: bytes) -> Ticket | None:
        """The ticket of this name, for the first who asks."""
        ticket = self._tickets.pop(name, None)
        return ticket if ticket is not None and ticket.is_valid else None

    def take_newest(self) -> Ticket | None:
        while self._tickets:
            _, ticket = self._tickets.popitem()
            if ticket.is_valid:
                return ticket
        return None

    def clear(self) -> None:
        self._tickets.clear()
