"""One end of a MoQT session on raw QUIC (draft 18): no I/O, a clock comes in.

Feed it what arrives on streams and in datagrams, with the time in seconds; it returns events.
After every call `take()` gives what is to be done on QUIC. Breaches that the draft calls violations
close the session; requests of kinds that this end does not serve are refused, NOT_SUPPORTED.
"""

from collections.abc import Callable, Iterable, Iterator

from bridge.moqt import messages as m
from bridge.moqt import objects, varint
from bridge.moqt.actions import Action, Close, Stop
from bridge.moqt.control import Control
from bridge.moqt.draft import Draft
from bridge.moqt.draft18 import DRAFT_18
from bridge.moqt.errors import (
    DoneCode,
    RequestCode,
    ResetCode,
    SessionCode,
    SessionError,
    violation,
)
from bridge.moqt.events import Asked, Event
from bridge.moqt.ids import is_unidirectional
from bridge.moqt.limits import Limits
from bridge.moqt.messages import Location, Param, Parameters
from bridge.moqt.names import Namespace, Track
from bridge.moqt.pairs import Pairs
from bridge.moqt.requests import Requests
from bridge.moqt.subgroups import SubgroupWriter
from bridge.moqt.token import Token
from bridge.moqt.tracks import Handle, NamespaceRequest, Publication, Subscription


class Session:
    """`start()` first; then requests, and what arrives."""

    def __init__(
        self,
        is_client: bool,
        now: float,
        *,
        options: Iterable[tuple[int, int | bytes]] = (),
        limits: Limits | None = None,
        draft: Draft = DRAFT_18,
    ) -> None:
        self.closed: Close | None = None
        self.datagrams_unknown = 0
        """Objects of tracks that are not subscribed to."""
        self._draft = draft
        self._limits = limits or Limits()
        self._out: list[Action] = []
        self._requests = Requests(is_client, draft, self._limits, self._out, now)
        self._data = self._requests.data
        self._find = self._requests.aliases.find
        self._control = Control(is_client, draft, self._limits, tuple(options), self._out, now)
        self._untyped: dict[int, tuple[bytes, float]] = {}
        """Unidirectional streams that have not told their type; until when they must."""
        self._next_alias = 0

    @property
    def peer(self) -> Pairs | None:
        """The other side's setup options, once they have come."""
        return self._control.peer

    @property
    def streams_refused(self) -> int:
        """Data streams of the other side that were stopped."""
        return self._data.refused

    # --- what is to be sent ------------------------------------------------------------------

    def take(self) -> list[Action]:
        out = self._out[:]
        self._out.clear()
        return out

    def start(self) -> None:
        """Open the control stream with SETUP."""
        self._control.start(self._requests.streams.open(unidirectional=True))

    def close(self, code: SessionCode, reason: str) -> None:
        if self.closed is None:
            self.closed = Close(code, reason)
            self._out.append(self.closed)

    # --- requests of this end ----------------------------------------------------------------

    def publish(
        self,
        track: Track,
        properties: Pairs = (),
        tokens: tuple[Token, ...] = (),
        *,
        eager: bool = False,
    ) -> Publication:
        """Offer a track; `Accepted` or `Refused` follows. Objects are wanted once `forward`; an
        `eager` publisher takes it for given that they are, before the answer. Its priority is
        one of the `properties`."""
        publication = Publication(self._open_request(), track, self._open_alias(), properties)
        publication.forward = eager
        request_id = self._requests.ids.open()
        message = m.Publish(request_id, track, publication.alias, _parameters(tokens), properties)
        self._requests.ask(publication, message)
        return publication

    def subscribe(
        self,
        track: Track,
        tokens: tuple[Token, ...] = (),
        wait_ms: int = 0,
        parameters: Parameters | None = None,
    ) -> Subscription:
        """Ask for a track; `Accepted` or `Refused` follows. `wait_ms`: how long a relay may wait
        for somebody to publish it."""
        parameters = _parameters(tokens) | (parameters or {})
        if wait_ms:
            parameters[Param.RENDEZVOUS_TIMEOUT] = wait_ms
        subscription = Subscription(self._open_request(), track)
        message = m.Subscribe(self._requests.ids.open(), track, parameters)
        self._requests.ask(subscription, message)
        return subscription

    def publish_namespace(
        self, namespace: Namespace, tokens: tuple[Token, ...] = ()
    ) -> NamespaceRequest:
        """Say that there are tracks below a namespace."""
        return self._ask_namespace(m.PublishNamespace, namespace, tokens)

    def subscribe_namespace(
        self, prefix: Namespace, tokens: tuple[Token, ...] = ()
    ) -> NamespaceRequest:
        """Ask which namespaces there are below a prefix: `NamespaceChanged` tells."""
        return self._ask_namespace(m.SubscribeNamespace, prefix, tokens)

    def subscribe_tracks(
        self, prefix: Namespace, tokens: tuple[Token, ...] = ()
    ) -> NamespaceRequest:
        """Ask for every track below a prefix to be offered by PUBLISH."""
        return self._ask_namespace(m.SubscribeTracks, prefix, tokens)

    def update(self, handle: Handle, parameters: Parameters) -> None:
        """Change a request; `Updated` or `Refused` follows."""
        if not handle.ended:
            self._requests.update(handle, parameters)

    def goaway(self, timeout_ms: int = 0, uri: str = "") -> None:
        """Announce the end of the session; requests from now on are refused, GOING_AWAY."""
        if not self._requests.going_away:
            self._requests.going_away = True
            expected = self._requests.ids.expected
            self._control.say(m.Goaway(uri.encode(), timeout_ms, expected))

    def cancel(self, handle: Handle) -> None:
        """Want no more of a request of either side: unsubscribe, withdraw, stop answering."""
        if not handle.ended:
            self._requests.cancel(handle)

    # --- answers to the other side -----------------------------------------------------------

    def accept_publish(
        self, asked: Asked, parameters: Parameters | None = None
    ) -> tuple[Subscription, list[Event]]:
        """Take an offered track. Returns what has come for it already, too."""
        message = asked.request
        assert isinstance(message, m.Publish)
        subscription = Subscription(asked.stream_id, message.track)
        subscription.properties = message.properties
        self._requests.take_over(asked, subscription, m.RequestOk(parameters or {}))
        establish = self._requests.establish
        return subscription, self._guard(lambda: establish(subscription, message.alias))

    def accept_subscribe(
        self, asked: Asked, properties: Pairs = (), largest: Location | None = None
    ) -> Publication:
        """Publish a track that was asked for. `largest`: its last object, if it had any."""
        message = asked.request
        assert isinstance(message, m.Subscribe)
        publication = Publication(asked.stream_id, message.track, self._open_alias(), properties)
        publication.largest = largest
        publication.apply(message.parameters, forward=True)
        parameters: Parameters = {} if largest is None else {Param.LARGEST_OBJECT: largest}
        answer = m.SubscribeOk(publication.alias, parameters, properties)
        self._requests.take_over(asked, publication, answer)
        return publication

    def accept(self, asked: Asked) -> None:
        """Accept a request about namespaces."""
        self._requests.take_over(asked, asked, m.RequestOk())

    def refuse(
        self, asked: Asked, code: RequestCode, reason: str = "", retry_ms: int | None = None
    ) -> None:
        """`retry_ms`: when it makes sense to ask again; None: it makes none."""
        if not asked.ended:
            self._requests.end(asked)
            self._requests.refuse(asked.stream_id, code, reason, retry_ms)

    # --- publishing --------------------------------------------------------------------------

    def open_subgroup(
        self, publication: Publication, group: int, *, has_properties: bool
    ) -> SubgroupWriter:
        """A stream for the objects of a group."""
        stream_id = self._requests.streams.open(unidirectional=True)
        writer = SubgroupWriter(self._out, stream_id, publication, group, has_properties)
        publication.streams[stream_id] = writer
        publication.streams_opened += 1
        return writer

    def finish(
        self, publication: Publication, code: DoneCode = DoneCode.TRACK_ENDED, reason: str = ""
    ) -> None:
        """Nothing more is published. Open streams are finished."""
        if publication.ended:
            return
        for writer in list(publication.streams.values()):
            writer.finish()
        self._requests.end(publication)
        done = m.PublishDone(code, publication.streams_opened, reason)
        self._requests.say(publication.stream_id, done, ended=True)

    # --- what arrives ------------------------------------------------------------------------

    def receive_datagram(self, data: bytes) -> tuple[Subscription, objects.Datagram] | None:
        """An object of a track that is subscribed to, or None."""
        if self.closed is not None:
            return None
        try:
            found = objects.decode_datagram(data)
        except SessionError as error:
            self.close(error.code, error.reason)
            return None
        if found is None:
            return None
        subscription = self._find(found.alias)
        if subscription is None:
            self.datagrams_unknown += 1
            return None
        return subscription, found

    def receive_stream(self, stream_id: int, data: bytes, ended: bool, now: float) -> list[Event]:
        if is_unidirectional(stream_id):
            return self._guard(lambda: self._on_unidirectional(stream_id, data, ended, now))
        return self._guard(lambda: self._requests.receive(stream_id, data, ended, now))

    def receive_reset(self, stream_id: int, code: int, now: float) -> list[Event]:
        """The other side has reset its half of a stream."""
        if not is_unidirectional(stream_id):
            return self._guard(lambda: self._requests.reset(stream_id, code, now))
        if stream_id == self._control.in_id:
            self.close(SessionCode.PROTOCOL_VIOLATION, "the control stream was reset")
        self._untyped.pop(stream_id, None)
        return self._guard(lambda: self._data.reset(stream_id, code))

    def receive_stop(self, stream_id: int, code: int, now: float) -> list[Event]:
        """The other side wants no more of our half of a stream."""
        if stream_id == self._control.out_id:
            self.close(SessionCode.PROTOCOL_VIOLATION, "the control stream was stopped")
        return self._guard(lambda: self._requests.stopped(stream_id))

    def expire(self, now: float) -> None:
        """Call at `deadline`, or at any time."""
        if self.closed is not None:
            return
        if self._control.setup_by is not None and now >= self._control.setup_by:
            self.close(SessionCode.CONTROL_MESSAGE_TIMEOUT, "no SETUP in time")
            return
        for stream_id in [s for s, (_, by) in self._untyped.items() if now >= by]:
            del self._untyped[stream_id]
            self._discard(stream_id)
        self._requests.expire(now)

    @property
    def deadline(self) -> float | None:
        if self.closed is not None:
            return None
        times = [self._control.setup_by, self._requests.deadline]
        times += [by for _, by in self._untyped.values()]
        return min((t for t in times if t is not None), default=None)

    # --- inside ------------------------------------------------------------------------------

    def _guard(self, act: Callable[[], Iterator[Event]]) -> list[Event]:
        """Events are gathered before the owner sees the first: it may call back."""
        if self.closed is not None:
            return []
        events: list[Event] = []
        try:
            events.extend(act())
        except SessionError as error:
            self.close(error.code, error.reason)
        return events

    def _on_unidirectional(
        self, stream_id: int, data: bytes, ended: bool, now: float
    ) -> Iterator[Event]:
        if stream_id == self._control.in_id:
            yield from self._control.receive(data, ended)
        elif self._data.has(stream_id):
            yield from self._data.receive(stream_id, data, ended, now)
        elif stream_id in self._data.discarded:
            if ended:
                self._data.discarded.discard(stream_id)
        else:
            yield from self._on_untyped(stream_id, data, ended, now)

    def _on_untyped(self, stream_id: int, data: bytes, ended: bool, now: float) -> Iterator[Event]:
        before, _ = self._untyped.pop(stream_id, (b"", 0.0))
        data = before + data
        try:
            kind, at = varint.decode(data, 0)
        except varint.Truncated:
            if ended:
                raise violation("a stream ends within its type") from None
            self._untyped[stream_id] = data, now + self._limits.setup_wait
            return
        if kind == self._draft.setup_type:
            self._control.begin(stream_id)
            # The stream's type is that of its first message, too.
            yield from self._control.receive(data, ended)
        elif objects.is_subgroup(kind):
            if self._data.open(stream_id, kind):
                yield from self._data.receive(stream_id, data[at:], ended, now)
        elif kind == objects.PADDING_STREAM:
            if not ended:
                self._discard(stream_id)
        else:
            raise violation(f"a stream of type {kind:#x}")

    def _discard(self, stream_id: int) -> None:
        self._data.discarded.add(stream_id)
        self._out.append(Stop(stream_id, ResetCode.CANCELLED))

    def _open_request(self) -> int:
        return self._requests.streams.open(unidirectional=False)

    def _open_alias(self) -> int:
        alias = self._next_alias
        self._next_alias += 1
        return alias

    def _ask_namespace(
        self,
        kind: type[m.PublishNamespace] | type[m.SubscribeNamespace] | type[m.SubscribeTracks],
        namespace: Namespace,
        tokens: tuple[Token, ...],
    ) -> NamespaceRequest:
        handle = NamespaceRequest(self._open_request(), namespace, kind)
        message = kind(self._requests.ids.open(), namespace, _parameters(tokens))
        self._requests.ask(handle, message)
        return handle


def _parameters(tokens: tuple[Token, ...]) -> Parameters:
    return {Param.AUTHORIZATION_TOKEN: tokens} if tokens else {}
