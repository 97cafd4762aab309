"""Tracks of a session: those that this end publishes, and those that it is subscribed to."""

import math
from collections.abc import Mapping
from typing import Any, Protocol

from bridge.moqt import pairs
from bridge.moqt.errors import ResetCode
from bridge.moqt.limits import MAX_VARINT
from bridge.moqt.messages import Location, Message, Param, Parameters, Property
from bridge.moqt.names import Namespace, Track
from bridge.moqt.varint import Reader

MIDDLE = 128
"""Both priorities, when nothing is said of them; smaller ones are higher (section 7)."""
ASCENDING, DESCENDING = 1, 2


def rank(subscriber: int, publisher: int) -> int:
    """Of objects that wait, those of the smallest rank are sent first (section 7.2): the
    subscriber's priority decides, and the publisher's among those of the same."""
    return subscriber << 8 | publisher


class Handle:
    """Something asked of the other side, or by it, that has a request stream."""

    def __init__(self, stream_id: int) -> None:
        self.stream_id = stream_id
        self.context: Any = None
        """The owner's; the session does not look at it."""
        self.answered = False
        self.ended = False
        self.updating = 0
        """REQUEST_UPDATEs of this end that have no answer yet."""
        self.going_away = False
        """The other side wants it to be asked elsewhere."""
        self.tokens: tuple[Any, ...] = ()
        """By which it was asked for."""


class Writer(Protocol):
    """The stream of a subgroup that is published."""

    stream_id: int

    def place(self) -> None:
        """The publication's rank has changed."""

    def finish(self) -> None: ...

    def reset(self, code: ResetCode = ...) -> None: ...


class Publication(Handle):
    """A track that this end publishes, to the other side of one session."""

    def __init__(
        self, stream_id: int, track: Track, alias: int, properties: pairs.Pairs = ()
    ) -> None:
        """`properties` of the track say its priority and group order, if not the usual ones."""
        super().__init__(stream_id)
        self.track = track
        self.alias = alias
        priority = pairs.find(properties, Property.PUBLISHER_PRIORITY)
        self.publisher_priority = MIDDLE if priority is None else int(priority)
        self.subscriber_priority = MIDDLE
        self.rank = rank(MIDDLE, self.publisher_priority)
        """Of its objects that have no priority of their own."""
        self.descending = pairs.find(properties, Property.GROUP_ORDER) == DESCENDING
        """Whether of two groups the later one goes first."""
        self._timeouts: dict[tuple[int, bool], int] = {}
        """Milliseconds, by parameter and whether the subscriber has said them."""
        self.datagram_timeout = math.inf
        """Seconds in which an object in a datagram must leave."""
        self._limit_times(dict(properties), False)
        self.forward = False
        """Whether objects are wanted now; none must be sent while they are not."""
        self.largest: tuple[int, int] | None = None
        """Group and object that were sent last; their sender keeps it up to date."""
        self.streams: dict[int, Writer] = {}
        """Those that objects may still be written to."""
        self.streams_opened = 0
        self.newest_stream: int | None = None
        self._start = Location(0, 0)
        self._end_group: int | None = None
        self.filtered = False
        """Whether `wants` has to be asked before an object is sent."""

    def wants(self, group: int, object_id: int) -> bool:
        """Whether the subscriber's filter lets an object pass (section 5.1.2)."""
        return not self.is_behind(group) and (group, object_id) >= self._start

    def is_behind(self, group: int) -> bool:
        """Whether a group is behind the last one that is wanted."""
        return self._end_group is not None and group > self._end_group

    def apply(self, parameters: Parameters, forward: bool | None = None) -> bool:
        """Take a subscriber's parameters; whether `forward` has changed by that."""
        before = self.forward
        wanted = parameters.get(Param.FORWARD, forward)
        if wanted is not None:
            self.forward = bool(wanted)
        if Param.SUBSCRIPTION_FILTER in parameters:
            self._apply_filter(Reader(parameters[Param.SUBSCRIPTION_FILTER]))
        self._limit_times(parameters, True)
        if Param.GROUP_ORDER in parameters:
            self.descending = parameters[Param.GROUP_ORDER] == DESCENDING
        if Param.SUBSCRIBER_PRIORITY in parameters:
            self.subscriber_priority = parameters[Param.SUBSCRIBER_PRIORITY]
            self.rank = rank(self.subscriber_priority, self.publisher_priority)
            for writer in self.streams.values():
                writer.place()
        return self.forward != before

    @property
    def subgroup_timeout(self) -> float:
        """Seconds in which a group that is complete must be delivered; 0: no matter when."""
        return self._timeout(Param.SUBGROUP_DELIVERY_TIMEOUT) / 1000

    def _timeout(self, kind: int) -> int:
        """Milliseconds; of the publisher's and the subscriber's the smaller one (section 8)."""
        said = self._timeouts.get((kind, False), 0), self._timeouts.get((kind, True), 0)
        return min(filter(None, said), default=0)

    def rank_of(self, priority: int) -> int:
        """The rank of an object with a publisher priority of its own."""
        return rank(self.subscriber_priority, priority)

    def _limit_times(self, said: Mapping[int, Any], by_subscriber: bool) -> None:
        """Take delivery timeouts: parameters and properties have the same numbers."""
        for kind in (Param.OBJECT_DELIVERY_TIMEOUT, Param.SUBGROUP_DELIVERY_TIMEOUT):
            if isinstance(said.get(kind), int):
                self._timeouts[kind, by_subscriber] = said[kind]
        times = self._timeout(Param.OBJECT_DELIVERY_TIMEOUT), self.subgroup_timeout * 1000
        self.datagram_timeout = min(filter(None, times), default=math.inf) / 1000

    def _apply_filter(self, reader: Reader) -> None:
        kind = reader.varint()
        self._end_group = None
        if kind >= 3:
            self._start = Location(reader.varint(), reader.varint())
            if kind == 4:
                self._end_group = min(self._start.group + reader.varint(), MAX_VARINT)
        elif self.largest is None:
            self._start = Location(0, 0)
        elif kind == 1:
            self._start = Location(self.largest[0] + 1, 0)
        else:
            self._start = Location(self.largest[0], self.largest[1] + 1)
        self.filtered = self._end_group is not None or self._start > (0, 0)


class Subscription(Handle):
    """A track that the other side publishes to this one."""

    def __init__(self, stream_id: int, track: Track, alias: int = -1) -> None:
        super().__init__(stream_id)
        self.track = track
        self.alias = alias
        self.properties: pairs.Pairs = ()
        """The track's."""
        self.forget_at = 0.0
        """Once it has ended: until when late objects are still taken."""


class NamespaceRequest(Handle):
    """PUBLISH_NAMESPACE, SUBSCRIBE_NAMESPACE or SUBSCRIBE_TRACKS of this end."""

    def __init__(self, stream_id: int, namespace: Namespace, kind: type[Message]) -> None:
        super().__init__(stream_id)
        self.namespace = namespace
        self.kind = kind
        self.found: set[Namespace] = set()
        """Suffixes that SUBSCRIBE_NAMESPACE has found."""
        self.overfull = False
        """More were found than are kept."""
