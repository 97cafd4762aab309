"""Request streams of a session: one bidirectional stream a request (draft 18, section 10)."""

from collections.abc import Iterator
from dataclasses import replace

from bridge.moqt import codec, rules
from bridge.moqt import messages as m
from bridge.moqt.actions import Action, Reset, Send, Stop
from bridge.moqt.aliases import Aliases
from bridge.moqt.control import check_goaway
from bridge.moqt.draft import Draft
from bridge.moqt.errors import (
    DoneCode,
    RequestCode,
    ResetCode,
    violation,
)
from bridge.moqt.events import (
    Accepted,
    Asked,
    Event,
    ForwardChanged,
    GoingAway,
    NamespaceChanged,
    Refused,
    SubscriptionEnded,
    TrackBlocked,
    Updated,
    Withdrawn,
)
from bridge.moqt.handles import Handles
from bridge.moqt.ids import RequestIds, StreamIds
from bridge.moqt.incoming import DataStreams
from bridge.moqt.limits import Limits
from bridge.moqt.messages import Message, Param, Parameters
from bridge.moqt.names import Track
from bridge.moqt.rate import RequestRate
from bridge.moqt.renewals import Renewals
from bridge.moqt.tracks import Handle, NamespaceRequest, Publication, Subscription


class Requests:
    """What was asked, by either side, and what became of it."""

    def __init__(
        self, is_client: bool, draft: Draft, limits: Limits, out: list[Action], now: float
    ) -> None:
        self.streams = StreamIds(is_client)
        self.ids = RequestIds(is_client)
        self.aliases = Aliases()
        self.data = DataStreams(limits, out, self.aliases.find, self.aliases.is_gone)
        self.renewals = Renewals()
        self.going_away = False
        """No more requests of the other side are taken."""
        self._is_client = is_client
        self._draft = draft
        self._limits = limits
        self._out = out
        self._handles = Handles()
        self._readers: dict[int, codec.MessageReader] = {}
        self._silent: dict[int, float] = {}
        """Streams of the other side without a whole message; until when they may be so."""
        self._deaf: set[int] = set()
        """Streams that are listened to no more."""
        self._lingering: list[Subscription] = []
        self._rate = RequestRate(limits, now)

    # --- for the session ---------------------------------------------------------------------

    def say(self, stream_id: int, message: Message, ended: bool = False) -> None:
        self._out.append(Send(stream_id, codec.encode(self._draft, message), ended))

    def ask(self, handle: Handle, message: m.Request) -> None:
        """Open a request stream of ours."""
        handle.tokens = getattr(message, "parameters", {}).get(Param.AUTHORIZATION_TOKEN, ())
        self._handles.add(handle)
        self._readers[handle.stream_id] = self._new_reader()
        self.say(handle.stream_id, message)

    def take_over(self, asked: Asked, handle: Handle, answer: Message) -> None:
        """Accept a request: from now on its stream is `handle`'s."""
        handle.answered = True
        handle.context = asked.context
        self._handles.add(handle)
        self.renewals.note(handle, getattr(asked.request, "parameters", {}), self._rate.at)
        self.say(asked.stream_id, answer)
        for _ in range(asked.updates):
            self.say(asked.stream_id, m.RequestOk())

    def refuse(
        self, stream_id: int, code: RequestCode, reason: str, retry_ms: int | None = None
    ) -> None:
        retry = 0 if retry_ms is None else retry_ms + 1
        self.say(stream_id, m.RequestError(code, retry, reason), ended=True)

    def end(self, handle: Handle) -> None:
        """No more is said or heard about it."""
        handle.ended = True
        self._handles.remove(handle)
        self.renewals.forget(handle)
        if self._readers.pop(handle.stream_id, None) is not None:
            self._deaf.add(handle.stream_id)
        if isinstance(handle, Publication):
            for writer in list(handle.streams.values()):
                writer.reset()
        if isinstance(handle, Subscription):
            self._forget(handle)

    def update(self, handle: Handle, parameters: Parameters) -> None:
        handle.updating += 1
        self.say(handle.stream_id, m.RequestUpdate(self.ids.open(), parameters))

    def establish(self, subscription: Subscription, alias: int) -> Iterator[Event]:
        """The track has its alias; yields what has come for it already."""
        if not rules.is_understood(subscription.properties):
            self.cancel(subscription)
            yield Withdrawn(subscription)
            return
        self.aliases.assign(subscription, alias)
        yield from self.data.known_now(alias)

    def cancel(self, handle: Handle) -> None:
        self.end(handle)
        self._out.append(Reset(handle.stream_id, ResetCode.CANCELLED))
        self._out.append(Stop(handle.stream_id, ResetCode.CANCELLED))

    # --- what arrives ------------------------------------------------------------------------

    def receive(self, stream_id: int, data: bytes, ended: bool, now: float) -> Iterator[Event]:
        reader = self._readers.get(stream_id)
        if reader is None:
            if stream_id in self._deaf or self.streams.is_mine(stream_id):
                if ended:
                    self._deaf.discard(stream_id)
                return
            reader = self._readers[stream_id] = self._new_reader()
            self._silent[stream_id] = now + self._limits.request_wait
        for message in reader.feed(data):
            yield from self._on_message(stream_id, message, now)
            if stream_id not in self._readers:
                break
        if not ended:
            return
        if stream_id in self._readers:
            yield from self._on_end(stream_id, reader.unfinished)
        self._deaf.discard(stream_id)

    def reset(self, stream_id: int, code: int, now: float) -> Iterator[Event]:
        """The other side says no more on a request stream."""
        self._silent.pop(stream_id, None)
        if self._readers.pop(stream_id, None) is None:
            self._deaf.discard(stream_id)
            return
        handle = self._handles.find(stream_id)
        self._out.append(Reset(stream_id, ResetCode.CANCELLED))
        if isinstance(handle, Subscription):
            yield from self._lost(handle, DoneCode.INTERNAL_ERROR, f"reset with code {code}", now)
        elif handle is not None:
            yield from self._withdraw(handle)

    def stopped(self, stream_id: int) -> Iterator[Event]:
        """The other side listens no more on a stream of ours; QUIC has reset our half of it."""
        handle = self._handles.find(stream_id)
        if isinstance(handle, Subscription | NamespaceRequest):
            return  # the answer, or the end of its own half, says what became of it
        if handle is not None and self.streams.is_mine(stream_id) and not handle.answered:
            return  # likewise
        if handle is not None:
            self.end(handle)
            self._out.append(Stop(stream_id, ResetCode.CANCELLED))
            yield Withdrawn(handle)
            return
        for publication in self._handles:
            if isinstance(publication, Publication):
                # The group's objects go nowhere any more; the next group has a stream of its own.
                publication.streams.pop(stream_id, None)

    @property
    def deadline(self) -> float | None:
        times = [*self._silent.values(), *(s.forget_at for s in self._lingering)]
        times += self.renewals.times
        if self.data.deadline is not None:
            times.append(self.data.deadline)
        return min(times, default=None)

    def expire(self, now: float) -> None:
        self.data.expire(now)
        for stream_id in [s for s, by in self._silent.items() if now >= by]:
            self._give_up(stream_id)
            self._out.append(Reset(stream_id, ResetCode.CANCELLED))
            self._out.append(Stop(stream_id, ResetCode.CANCELLED))
        for handle in self.renewals.due(now):
            tokens = {Param.AUTHORIZATION_TOKEN: handle.tokens} if handle.tokens else {}
            self.update(handle, tokens)
        for subscription in [s for s in self._lingering if now >= s.forget_at]:
            self._lingering.remove(subscription)
            self._forget(subscription)

    # --- inside ------------------------------------------------------------------------------

    def _on_message(self, stream_id: int, message: Message, now: float) -> Iterator[Event]:
        if stream_id in self._silent:
            del self._silent[stream_id]
            yield from self._on_first(stream_id, message, now)
            return
        handle = self._handles.find(stream_id)
        if handle is None:  # it has ended
            return
        mine = self.streams.is_mine(stream_id)
        if isinstance(message, m.RequestUpdate):
            if mine and not (isinstance(handle, Publication) and handle.answered):
                raise violation("REQUEST_UPDATE of a request that is not its own")
            self._rate.spend(now)
            self.ids.use(message.request_id)
            yield from self._on_update(handle, message)
        elif isinstance(message, m.Goaway):
            if handle.going_away:
                raise violation("a second GOAWAY of a request")
            handle.going_away = True
            check_goaway(message, self._is_client, of_request=True)
            yield GoingAway(message.uri.decode("utf-8", "replace"), message.timeout_ms, handle)
        elif mine and not handle.answered:
            yield from self._on_answer(handle, message, now)
        else:
            yield from self._on_news(handle, message, now)

    def _on_first(self, stream_id: int, message: Message, now: float) -> Iterator[Event]:
        """The first message of a request stream of the other side."""
        if type(message) not in self._draft.openings:
            raise violation(f"a request stream begins with {type(message).__name__}")
        assert isinstance(message, m.Request)
        self._rate.spend(now)
        self.ids.use(message.request_id)
        if isinstance(message, m.Publish):
            rules.check_properties(message.properties)
        refusal = self._handles.refusal(message)
        if self.going_away:
            refusal = RequestCode.GOING_AWAY, "the session is about to be closed"
        elif len(self._handles) >= self._limits.requests:
            refusal = RequestCode.EXCESSIVE_LOAD, "too many requests are open"
        if refusal is not None:
            self._give_up(stream_id)
            self.refuse(stream_id, *refusal)
            return
        asked = Asked(stream_id, message)
        self._handles.add(asked)
        yield asked

    def _on_answer(self, handle: Handle, message: Message, now: float) -> Iterator[Event]:
        """What the other side says to a request of ours."""
        handle.answered = True
        match message:
            case m.RequestError():
                rules.check_redirect(message, handle, self._is_client)
                self.end(handle)
                self._out.append(Send(handle.stream_id, b"", True))
                retry = message.retry - 1 if message.retry else None
                yield Refused(handle, message.code, message.reason, retry)
            case m.SubscribeOk() if isinstance(handle, Subscription):
                rules.check_properties(message.properties)
                handle.properties = message.properties
                self.renewals.note(handle, message.parameters, now)
                yield Accepted(handle, message.parameters)
                yield from self.establish(handle, message.alias)
            case m.RequestOk() if not isinstance(handle, Subscription):
                rules.check_ok(message, handle, of_update=False)
                if isinstance(handle, Publication):
                    handle.apply(message.parameters, forward=True)
                    self.renewals.note(handle, message.parameters, now)
                yield Accepted(handle, message.parameters)
            case _:
                raise violation(f"{type(message).__name__} in answer to a request")

    def _on_news(self, handle: Handle, message: Message, now: float) -> Iterator[Event]:
        """What follows on a stream whose request was answered, or is the other side's."""
        match message, handle:
            case ((m.RequestOk() | m.RequestError()), _) if handle.updating:
                handle.updating -= 1
                if isinstance(message, m.RequestError):
                    yield Refused(handle, message.code, message.reason, None)
                else:
                    rules.check_ok(message, handle, of_update=True)
                    self.renewals.note(handle, message.parameters, now)
                    yield Updated(handle, message.parameters)
            case m.PublishDone(), Subscription():
                yield from self._lost(handle, message.code, message.reason, now)
            case m.NamespaceFound(suffix=suffix), NamespaceRequest(kind=m.SubscribeNamespace):
                if len(handle.found) >= self._limits.requests:
                    handle.overfull = True
                elif suffix not in handle.found:
                    handle.found.add(suffix)
                    yield NamespaceChanged(handle, suffix, True)
            case m.NamespaceDone(suffix=suffix), NamespaceRequest(kind=m.SubscribeNamespace):
                if suffix in handle.found:
                    handle.found.discard(suffix)
                    yield NamespaceChanged(handle, suffix, False)
                elif not handle.overfull:
                    raise violation("NAMESPACE_DONE before its NAMESPACE")
            case m.PublishBlocked(), NamespaceRequest(kind=m.SubscribeTracks):
                name = Track((*handle.namespace, *message.suffix), message.name)
                yield TrackBlocked(handle, name)
            case _:
                raise violation(f"{type(message).__name__} out of place")

    def _on_update(self, handle: Handle, message: m.RequestUpdate) -> Iterator[Event]:
        prefix = message.parameters.get(Param.TRACK_NAMESPACE_PREFIX)
        request = handle.request if isinstance(handle, Asked) else None
        about_prefix = isinstance(request, m.SubscribeNamespace | m.SubscribeTracks)
        if prefix is not None and not about_prefix:
            raise violation("a prefix in REQUEST_UPDATE of what has none")
        if rules.names_alias(message.parameters):
            yield from self._fail_update(
                handle, RequestCode.UNKNOWN_AUTH_TOKEN_ALIAS, "no token of that alias"
            )
            return
        if prefix is not None:
            assert isinstance(handle, Asked) and request is not None
            moved = replace(request, prefix=prefix)  # type: ignore[call-arg]
            if self._handles.overlapped(moved, handle):  # type: ignore[arg-type]
                overlap = RequestCode.PREFIX_OVERLAP
                yield from self._fail_update(handle, overlap, "another request covers it")
                return
            handle.request = moved
        if isinstance(handle, Asked) and not handle.answered:
            handle.updates += 1
            parameters = {**handle.request.parameters, **message.parameters}  # type: ignore
            parameters.pop(Param.TRACK_NAMESPACE_PREFIX, None)
            handle.request = replace(handle.request, parameters=parameters)  # type: ignore
        elif isinstance(handle, Publication):
            changed = handle.apply(message.parameters)
            parameters = {} if handle.largest is None else {Param.LARGEST_OBJECT: handle.largest}
            self.say(handle.stream_id, m.RequestOk(parameters))
            if changed:
                yield ForwardChanged(handle)
        else:
            self.say(handle.stream_id, m.RequestOk())

    def _fail_update(self, handle: Handle, code: RequestCode, reason: str) -> Iterator[Event]:
        """An update that fails ends its request (section 10.9.1)."""
        self.end(handle)
        if isinstance(handle, Publication):
            self.say(handle.stream_id, m.RequestError(code, 0, reason))
            done = m.PublishDone(DoneCode.UPDATE_FAILED, handle.streams_opened, reason)
            self.say(handle.stream_id, done, ended=True)
        else:
            self.refuse(handle.stream_id, code, reason)
        yield Withdrawn(handle)

    def _withdraw(self, handle: Handle) -> Iterator[Event]:
        """The other side has ended it: what it said of namespaces is over, too."""
        self.end(handle)
        if isinstance(handle, NamespaceRequest):
            for suffix in sorted(handle.found):
                yield NamespaceChanged(handle, suffix, False)
        yield Withdrawn(handle)

    def _on_end(self, stream_id: int, unfinished: bool) -> Iterator[Event]:
        if unfinished or stream_id in self._silent:
            raise violation("a request stream ends within a message")
        del self._readers[stream_id]
        handle = self._handles.find(stream_id)
        match handle:
            case Subscription():
                yield from self._lost(
                    handle, DoneCode.INTERNAL_ERROR, "ended without a PUBLISH_DONE", self._rate.at
                )
            case Asked() | NamespaceRequest():
                self._out.append(Send(stream_id, b"", True))
                yield from self._withdraw(handle)

    def _lost(
        self, subscription: Subscription, code: int, reason: str, now: float
    ) -> Iterator[Event]:
        """The publisher is done; what is still under way is taken for a while."""
        subscription.ended = True
        subscription.forget_at = now + self._limits.unknown_wait
        self._handles.remove(subscription)
        self.renewals.forget(subscription)
        self._lingering.append(subscription)
        if self._readers.pop(subscription.stream_id, None) is not None:
            self._deaf.add(subscription.stream_id)
            self._out.append(Send(subscription.stream_id, b"", True))
        yield SubscriptionEnded(subscription, code, reason)

    def _forget(self, subscription: Subscription) -> None:
        self.data.forget(subscription)
        self.aliases.release(subscription)

    def _give_up(self, stream_id: int) -> None:
        self._readers.pop(stream_id, None)
        self._silent.pop(stream_id, None)
        self._deaf.add(stream_id)

    def _new_reader(self) -> codec.MessageReader:
        return codec.MessageReader(self._draft, self._limits.message_bytes)
