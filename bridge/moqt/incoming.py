"""Unidirectional data streams of the other side: subgroups and padding."""

from collections.abc import Callable, Iterator

from bridge.moqt import objects
from bridge.moqt.actions import Action, Stop
from bridge.moqt.errors import ResetCode, violation
from bridge.moqt.events import Event, ObjectArrived, SubgroupEnded, TrackBroken
from bridge.moqt.limits import Limits
from bridge.moqt.tracks import Subscription


class _Stream:
    def __init__(self, stream_id: int, kind: int, limits: Limits) -> None:
        self.stream_id = stream_id
        self.reader = objects.SubgroupReader(kind, limits.object_bytes, limits.properties_bytes)
        self.subscription: Subscription | None = None
        self.subgroup = 0
        self.first = True
        self.held = bytearray()
        """What came after the header, while the track is not known."""
        self.ended = False
        self.drop_at = 0.0


class DataStreams:
    """Turns their bytes into events; bounded in number and in what is held back."""

    def __init__(
        self,
        limits: Limits,
        out: list[Action],
        known: Callable[[int], Subscription | None],
        gone: Callable[[int], bool],
    ) -> None:
        """`known` finds a subscription by alias, `gone` tells of one that was ended by us."""
        self._limits = limits
        self._out = out
        self._known = known
        self._gone = gone
        self._streams: dict[int, _Stream] = {}
        self._unknown: dict[int, _Stream] = {}
        self.refused = 0
        self.discarded: set[int] = set()
        """Unidirectional streams that are not listened to any more."""

    def __len__(self) -> int:
        return len(self._streams)

    def has(self, stream_id: int) -> bool:
        return stream_id in self._streams

    @property
    def deadline(self) -> float | None:
        return min((s.drop_at for s in self._unknown.values()), default=None)

    def open(self, stream_id: int, kind: int) -> bool:
        """A subgroup's stream has begun; False when it is one too many."""
        if len(self._streams) >= self._limits.data_streams:
            self._refuse(stream_id, ResetCode.EXCESSIVE_LOAD)
            return False
        self._streams[stream_id] = _Stream(stream_id, kind, self._limits)
        return True

    def receive(self, stream_id: int, data: bytes, ended: bool, now: float) -> Iterator[Event]:
        stream = self._streams.get(stream_id)
        if stream is None:
            return
        stream.ended = ended
        if stream.subscription is not None:
            yield from self._deliver(stream, data)
            return
        if stream.stream_id in self._unknown:
            stream.held += data
            if len(stream.held) > self._limits.unknown_bytes:
                self._drop(stream, ResetCode.EXCESSIVE_LOAD)
            return
        if not stream.reader.read_header(data):
            if ended:
                raise violation("a subgroup stream ends within its header")
            return
        yield from self._place(stream, now)

    def reset(self, stream_id: int, code: int) -> Iterator[Event]:
        self.discarded.discard(stream_id)
        stream = self._streams.pop(stream_id, None)
        self._unknown.pop(stream_id, None)
        if stream is None or stream.subscription is None or stream.reader.header is None:
            return
        yield SubgroupEnded(stream.subscription, stream.reader.header.group, stream.subgroup, code)

    def known_now(self, alias: int) -> Iterator[Event]:
        """A track has got its alias: what was held back for it is delivered."""
        for stream in list(self._unknown.values()):
            assert stream.reader.header is not None
            if stream.reader.header.alias == alias:
                del self._unknown[stream.stream_id]
                stream.subscription = self._known(alias)
                held, stream.held = bytes(stream.held), bytearray()
                yield from self._deliver(stream, held)

    def forget(self, subscription: Subscription) -> None:
        """Stop its streams."""
        for stream in list(self._streams.values()):
            if stream.subscription is subscription:
                self._drop(stream, ResetCode.CANCELLED)

    def expire(self, now: float) -> None:
        for stream in list(self._unknown.values()):
            if now >= stream.drop_at:
                self._drop(stream, ResetCode.CANCELLED)

    # --- inside ------------------------------------------------------------------------------

    def _place(self, stream: _Stream, now: float) -> Iterator[Event]:
        """The header is there: find the track."""
        assert stream.reader.header is not None
        alias = stream.reader.header.alias
        stream.subscription = self._known(alias)
        if stream.subscription is not None:
            yield from self._deliver(stream, b"")
        elif self._gone(alias):
            self._drop(stream, ResetCode.CANCELLED)
        elif len(self._unknown) >= self._limits.unknown_streams:
            self._drop(stream, ResetCode.EXCESSIVE_LOAD)
        else:
            stream.drop_at = now + self._limits.unknown_wait
            self._unknown[stream.stream_id] = stream

    def _deliver(self, stream: _Stream, data: bytes) -> Iterator[Event]:
        header, subscription = stream.reader.header, stream.subscription
        assert header is not None and subscription is not None
        try:
            for found in stream.reader.feed(data):
                if stream.first:
                    stream.first = False
                    stream.subgroup = found.object if header.subgroup is None else header.subgroup
                yield ObjectArrived(subscription, header.group, stream.subgroup, found)
        except objects.TooLarge as error:
            self._drop(stream, ResetCode.CANCELLED)
            yield TrackBroken(subscription, str(error))
            return
        if stream.ended and self._streams.pop(stream.stream_id, None):
            if stream.reader.unfinished:
                raise violation("a subgroup stream ends within an object")
            yield SubgroupEnded(subscription, header.group, stream.subgroup, None)

    def _drop(self, stream: _Stream, code: ResetCode) -> None:
        self._streams.pop(stream.stream_id, None)
        self._unknown.pop(stream.stream_id, None)
        self._refuse(stream.stream_id, code)

    def _refuse(self, stream_id: int, code: ResetCode) -> None:
        self.refused += 1
        self.discarded.add(stream_id)
        self._out.append(Stop(stream_id, code))
