"""Which track a number in datagrams and stream headers means (draft 18, section 11.1)."""

from bridge.moqt.errors import SessionCode, SessionError
from bridge.moqt.tracks import Subscription

MAX_GONE = 4096
"""Aliases of ended subscriptions that are remembered, to drop what comes late for them."""


class Aliases:
    """Those that the other side has given its tracks."""

    def __init__(self) -> None:
        self._known: dict[int, Subscription] = {}
        self._gone: dict[int, None] = {}
        self.find = self._known.get
        """The subscription of an alias, or None."""

    def is_gone(self, alias: int) -> bool:
        """Whether it was that of a subscription which has ended."""
        return alias in self._gone

    def assign(self, subscription: Subscription, alias: int) -> None:
        """Raises SessionError for one that is another track's."""
        other = self._known.get(alias)
        if other is not None and not other.ended and other.track != subscription.track:
            raise SessionError(
                SessionCode.DUPLICATE_TRACK_ALIAS, f"alias {alias} is {other.track}'s"
            )
        subscription.alias = alias
        self._gone.pop(alias, None)
        self._known[alias] = subscription

    def release(self, subscription: Subscription) -> None:
        alias = subscription.alias
        if self._known.get(alias) is subscription:
            del self._known[alias]
            self._gone[alias] = None
            if len(self._gone) > MAX_GONE:
                del self._gone[next(iter(self._gone))]
