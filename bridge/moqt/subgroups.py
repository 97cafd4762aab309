"""The streams on which a track of this end is published: one for each group's only subgroup."""

from bridge.moqt import objects
from bridge.moqt.actions import Action, Rank, Reset, ResetLater, Send
from bridge.moqt.errors import ResetCode
from bridge.moqt.tracks import Publication


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
        self._placed = False
        self._before, publication.newest_stream = publication.newest_stream, stream_id
        self._head = objects.subgroup_head(publication.alias, group, has_properties=props)

    def write(self, object_id: int, payload: bytes, properties: bytes = b"") -> None:
        """Nothing, once nobody reads it. Raises ValueError for an id that was passed already."""
        if self.stream_id not in self._publication.streams:
            return  # finished, reset, or stopped by the other side
        track = self._publication
        if track.filtered and not track.wants(self.group, object_id):
            if track.is_behind(self.group):
                self.reset()  # what is left out behind must not look as if it did not exist
            return
        if object_id < self._next:
            raise ValueError(f"object {object_id} after {self._next - 1}")
        data = objects.encode_object(
            object_id - self._next, payload, properties if self._properties else None
        )
        if not self._placed:
            self.place()
        self._out.append(Send(self.stream_id, self._head + data))
        self._head = b""
        self._next = object_id + 1
        self._publication.largest = (self.group, object_id)

    def place(self) -> None:
        """Say where it stands among the streams that have something to send. Of two groups the
        earlier one goes first, or the later one if the subscriber wants it so."""
        self._placed = True
        track = self._publication
        ascending = None if track.descending else self._before
        self._out.append(Rank(self.stream_id, track.rank, ascending))
        if track.descending and self._before is not None:
            self._out.append(Rank(self._before, track.rank, self.stream_id))

    def finish(self) -> None:
        """The group is complete."""
        if self._publication.streams.pop(self.stream_id, None):
            self._out.append(Send(self.stream_id, self._head, True))
            secs = self._publication.subgroup_timeout
            if secs:
                late = ResetCode.DELIVERY_TIMEOUT
                self._out.append(ResetLater(self.stream_id, late, secs))

    def reset(self, code: ResetCode = ResetCode.CANCELLED) -> None:
        """What was not delivered yet need not be."""
        if self._publication.streams.pop(self.stream_id, None):
            self._out.append(Reset(self.stream_id, code))
