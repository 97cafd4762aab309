"""Tracks of a session: those that this end publishes, and those that it is subscribed to."""

from typing import Any

from bridge.moqt import objects, pairs
from bridge.moqt.actions import Action, Reset, Send
from bridge.moqt.errors import ResetCode
from bridge.moqt.limits import MAX_VARINT
from bridge.moqt.messages import Location, Param, Parameters
from bridge.moqt.names import Track
from bridge.moqt.varint import Reader


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


class Publication(Handle):
    """A track that this end publishes, to the other side of one session."""

    def __init__(self, stream_id: int, track: Track, alias: int) -> None:
        super().__init__(stream_id)
        self.track = track
        self.alias = alias
        self.forward = False
        """Whether objects are wanted now; none must be sent while they are not."""
        self.largest: tuple[int, int] | None = None
        """Group and object that were sent last; their sender keeps it up to date."""
        self.streams: dict[int, SubgroupWriter] = {}
        self.streams_opened = 0
        self._start = Location(0, 0)
        self._end_group: int | None = None
        self.filtered = False
        """Whether `wants` has to be asked before an object is sent."""

    def wants(self, group: int, object_id: int) -> bool:
        """Whether the subscriber's filter lets an object pass (section 5.1.2)."""
        if self._end_group is not None and group > self._end_group:
            return False
        return (group, object_id) >= self._start

    def apply(self, parameters: Parameters, forward: bool | None = None) -> bool:
        """Take a subscriber's parameters; whether `forward` has changed by that."""
        before = self.forward
        wanted = parameters.get(Param.FORWARD, forward)
        if wanted is not None:
            self.forward = bool(wanted)
        if Param.SUBSCRIPTION_FILTER in parameters:
            self._apply_filter(Reader(parameters[Param.SUBSCRIPTION_FILTER]))
        return self.forward != before

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


class SubgroupWriter:
    """The stream of a group's only subgroup; objects in ascending order of ids."""

    def __init__(
        self, out: list[Action], stream_id: int, publication: Publication, group: int, props: bool
    ) -> None:
        self._out = out
        self.stream_id = stream_id
        self._publication = publication
        self.group = group
        self._properties = props
        self._next = 0
        self._head = objects.subgroup_head(publication.alias, group, has_properties=props)

    def write(self, object_id: int, payload: bytes, properties: bytes = b"") -> None:
        """Nothing, once nobody reads it. Raises ValueError for an id that was passed already."""
        if self.stream_id not in self._publication.streams:
            return  # finished, reset, or stopped by the other side
        if object_id < self._next:
            raise ValueError(f"object {object_id} after {self._next - 1}")
        data = objects.encode_object(
            object_id - self._next, payload, properties if self._properties else None
        )
        self._out.append(Send(self.stream_id, self._head + data))
        self._head = b""
        self._next = object_id + 1
        self._publication.largest = (self.group, object_id)

    def finish(self) -> None:
        """The group is complete."""
        if self._publication.streams.pop(self.stream_id, None):
            self._out.append(Send(self.stream_id, self._head, True))

    def reset(self, code: ResetCode = ResetCode.CANCELLED) -> None:
        """What was not delivered yet need not be."""
        if self._publication.streams.pop(self.stream_id, None):
            self._out.append(Reset(self.stream_id, code))


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

    def __init__(self, stream_id: int, namespace: tuple[bytes, ...]) -> None:
        super().__init__(stream_id)
        self.namespace = namespace
        self.found: set[tuple[bytes, ...]] = set()
        """Suffixes that SUBSCRIBE_NAMESPACE has found."""
