"""A QUIC connection that carries a MoQT session: a thin shell around `bridge.moqt.session`."""

import asyncio
import logging
from collections.abc import Hashable, Iterable
from typing import Any, Protocol

from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, QuicEvent

from bridge.moqt.actions import Close, Rank, Reset, ResetLater, Send, Stop
from bridge.moqt.errors import SessionCode
from bridge.moqt.events import Event
from bridge.moqt.limits import Limits
from bridge.moqt.messages import Option
from bridge.moqt.objects import Datagram
from bridge.moqt.pairs import Pairs
from bridge.moqt.session import Session
from bridge.moqt.tracks import Subscription
from bridge.wire.limits import MAX_HELD_BACK, MAX_MESSAGE, MAX_STREAMS, SETUP_WAIT
from bridge.wire.transport import WireProtocol

IMPLEMENTATION = b"clutchcall-sip-plugin"
EXPIRE_EVERY = 0.5
"""Seconds between looks at the session's deadlines, which are seconds long."""

log = logging.getLogger(__name__)


class Owner(Protocol):
    """Who gets what arrives."""

    def on_event(self, event: Event, now: float) -> None: ...

    def on_object(self, subscription: Subscription, datagram: Datagram, now: float) -> None:
        """An object came in a datagram."""

    def on_shed(self, track: Hashable) -> None:
        """A datagram was not sent, since the path takes less than there is to send."""

    def feed(self) -> bool:
        """Queue what waits for the path to have room; whether there may be more."""


class MoqtProtocol(WireProtocol):
    """Call `open_session` before it receives anything, and `attach` when there is an owner: events
    wait for it, objects do not."""

    def __init__(self, quic: QuicConnection, stream_handler: Any = None) -> None:
        super().__init__(quic)
        self.owner: Owner | None = None
        self._internals.allow_streams(MAX_STREAMS)
        self._held: list[Event] = []
        """Events for an owner to come; the session bounds what it takes without an answer."""
        self._twice: set[int] = set()
        self._resets: dict[int, asyncio.TimerHandle] = {}
        """By stream that must be taken in time."""
        self._session: Session | None = None
        self._session_timer: asyncio.TimerHandle | None = None

    @property
    def session(self) -> Session:
        assert self._session is not None
        return self._session

    def open_session(self, options: Iterable[tuple[int, int | bytes]] = ()) -> None:
        """SETUP leaves with the next `transmit`, or as soon as the connection may send."""
        mine: Pairs = ((Option.IMPLEMENTATION, IMPLEMENTATION),)
        self._session = Session(
            self._quic.configuration.is_client,
            self.now,
            options=(*mine, *options),
            limits=Limits(
                requests=MAX_STREAMS,
                message_bytes=MAX_MESSAGE,
                data_streams=MAX_STREAMS,
                object_bytes=MAX_MESSAGE,
                setup_wait=SETUP_WAIT,
            ),
        )
        self._session.start()
        self._session_timer = self._loop.call_later(EXPIRE_EVERY, self._expire)

    def attach(self, owner: Owner) -> None:
        self.owner = owner
        held, self._held = self._held, []
        if held:
            self._deliver(held, self.now)

    # --- sending -----------------------------------------------------------------------------

    def say_twice(self, stream_id: int) -> None:
        """What the stream is given next is sent again soon, without waiting for a loss."""
        self._twice.add(stream_id)

    def pump(self) -> None:
        """Hand to QUIC what the session wants done; it leaves with the next `transmit`."""
        if self._session is None:
            return
        for action in self._session.take():
            match action:
                case Send(stream_id, data, ended):
                    twice = stream_id in self._twice
                    self.send_stream(stream_id, data, ended, twice=twice)
                case Rank(stream_id, rank, after):
                    self.rank_stream(stream_id, rank, after)
                case Reset(stream_id, code):
                    self.reset_stream(stream_id, code)
                case ResetLater(stream_id, code, secs) if self.ended is None:
                    late = self._loop.call_later(secs, self._reset_late, stream_id, code)
                    self._resets[stream_id] = late
                case Stop(stream_id, code):
                    self.stop_reading(stream_id, code)
                case Close(code, reason):
                    if code != SessionCode.NO_ERROR:
                        log.warning("closing a model connection: %s: %s", code.name, reason)
                    self.close(code, reason)
        self._twice.clear()

    def _reset_late(self, stream_id: int, code: int) -> None:
        del self._resets[stream_id]
        if self.stream_backlog(stream_id):
            self.reset_stream(stream_id, code)
            self.transmit_soon()

    def transmit(self) -> None:
        """Send, feeding QUIC only as fast as the path takes it."""
        while True:
            fed = self.owner is not None and self.owner.feed()
            self.pump()
            super().transmit()
            if not fed or self.queued_datagrams:
                return

    # --- receiving ---------------------------------------------------------------------------

    def on_datagram(self, data: bytes, now: float) -> None:
        if self._session is None or self.owner is None:
            return
        found = self._session.receive_datagram(data)
        if found is not None:
            self.owner.on_object(*found, now)
        elif self._session.closed is not None:
            self.stats.datagrams_malformed += 1
            self.pump()
        else:
            self.stats.datagrams_unknown = self._session.datagrams_unknown

    def on_stream(self, stream_id: int, data: bytes, ended: bool, now: float) -> None:
        if self._session is not None:
            self._deliver(self._session.receive_stream(stream_id, data, ended, now), now)
            self.stats.streams_refused = self._session.streams_refused

    def on_stream_reset(self, stream_id: int, code: int, now: float) -> None:
        if self._session is not None:
            self._deliver(self._session.receive_reset(stream_id, code, now), now)

    def on_stop_sending(self, stream_id: int, code: int, now: float) -> None:
        if self._session is not None:
            self._deliver(self._session.receive_stop(stream_id, code, now), now)

    def on_shed(self, track: Hashable) -> None:
        if self.owner is not None:
            self.owner.on_shed(track)

    def on_other(self, event: QuicEvent) -> None:
        if isinstance(event, ConnectionTerminated) and self._session_timer is not None:
            self._session_timer.cancel()
            for late in self._resets.values():
                late.cancel()
            self._resets.clear()

    def _deliver(self, events: list[Event], now: float) -> None:
        if self.owner is None:
            self._held += events
        else:
            for event in events:
                self.owner.on_event(event, now)
        self.transmit_soon()

    def _expire(self) -> None:
        self.session.expire(self.now)
        for stream_id in [taken for taken in self._resets if not self.stream_backlog(taken)]:
            self._resets.pop(stream_id).cancel()
        if self._internals.held_back > MAX_HELD_BACK:
            self.session.close(SessionCode.INTERNAL_ERROR, "streams with too many gaps")
        self.pump()
        if self.ended is None:
            self._session_timer = self._loop.call_later(EXPIRE_EVERY, self._expire)
            self.transmit_soon()
