"""The model connection on QUIC: one to an endpoint, shared by all calls of a worker."""

import asyncio
import contextlib
import logging
from collections.abc import Hashable, Iterable

from bridge.agent import AgentSpec, TlsOptions
from bridge.leg.call import LegCall
from bridge.leg.call_tracks import CallTracks
from bridge.leg.dial import ClientProtocol, Dialer
from bridge.leg.interface import (
    CallFacts,
    LegFailed,
    ModelEvent,
    OnEvent,
    ReplyAudio,
    TransferState,
)
from bridge.leg.stats import LegStats
from bridge.moqt import events as moqt
from bridge.moqt.errors import RequestCode
from bridge.moqt.messages import Publish, PublishNamespace, SubscribeTracks
from bridge.moqt.objects import Datagram
from bridge.moqt.tracks import Subscription
from bridge.wire.alarm import Alarm
from bridge.wire.errors import ErrorCode, WireError
from bridge.wire.limits import MAX_CALLS_PER_CONNECTION
from bridge.wire.stats import TransportStats
from bridge.wire.tracks import parse

BACKOFF_FIRST, BACKOFF_MOST = 0.25, 10.0
QUEUE_PER_CALL = 10
"""Uplink frames (20 ms each) that may wait for the path, for each open call."""
QUEUE_LEAST = 200
"""The bound for a few calls: what is handed over at once may wait for the path."""
GOLDEN = (5**0.5 - 1) / 2
"""Who begins moves on by this share of all calls, so that no call misses many frames in a row."""
FAREWELL_SECS = 0.3
"""How long `close` waits for the gateway to confirm the calls' ends."""

log = logging.getLogger(__name__)


class QuicCall:
    """One call on the connection; a `bridge.leg.interface.ModelCall`."""

    def __init__(
        self, connection: "QuicConnection", core: LegCall, agent: AgentSpec, on_event: OnEvent
    ) -> None:
        self._connection = connection
        self.core = core
        self.agent = agent
        self.on_event = on_event
        self.tracks: CallTracks | None = None
        """None while it waits for a connection."""
        self.hasty = False
        """What the control track gets next is sent twice, with the audio that it ends."""
        self.silent = False
        """No event reaches the bridge any more."""

    @property
    def stats(self) -> LegStats:
        return self.core.stats

    @property
    def deadline(self) -> float | None:
        return self.core.deadline

    def append(self, seq: int, timestamp: int, payload: bytes) -> None:
        self.core.append(seq, timestamp, payload)
        self._connection.touched(self)

    def prime(self, turn: int) -> None:
        self.core.prime(turn)
        self._connection.touched_soon(self)

    def commit(self, turn: int, last_seq: int) -> None:
        self.core.commit(turn, last_seq)
        self.hasty = True
        self._connection.touched_soon(self)

    def no_input(self, turn: int) -> None:
        self.core.no_input(turn)
        self._connection.touched_soon(self)

    def cancel(self, turn: int, heard_ms: int) -> None:
        self.core.cancel(turn, heard_ms)
        self.hasty = True
        self._connection.touched_soon(self)

    def answered(self) -> None:
        self.core.answered()
        self._connection.touched_soon(self)

    def dtmf(self, digit: str, duration_ms: int) -> None:
        self.core.dtmf(digit, duration_ms)
        self._connection.touched_soon(self)

    def hold(self, on: bool) -> None:
        self.core.hold(on)
        self._connection.touched_soon(self)

    def transfer_progress(self, state: TransferState, code: int, reason: str) -> None:
        self.core.transfer_progress(state, code, reason)
        self._connection.touched_soon(self)

    def playout(self, turn: int, played_ms: int) -> None:
        self.core.playout(turn, played_ms)
        self._connection.touched(self)

    def close(self, reason: str) -> None:
        self.silent = True
        self.core.close(reason)
        self._connection.touched_soon(self)

    def counters(self) -> dict[str, float]:
        return self.core.stats.flat()


class QuicConnection:
    """A `bridge.leg.interface.ModelConnection`.

    To be made and used on one running event loop. `connect()` starts to connect ahead of the
    first call; without it the first call does. From then on the connection is kept, and made
    again with a growing pause whenever it is lost, until `close()`.
    """

    def __init__(
        self, endpoint: str, tls: TlsOptions | None = None, *, packet_bytes: int = 0
    ) -> None:
        """`packet_bytes`: size of UDP payloads; 0 takes what the path is known to carry."""
        self.endpoint = endpoint
        self.reconnects = 0
        self._dialer = Dialer(endpoint, tls or TlsOptions(), packet_bytes)
        self._loop = asyncio.get_running_loop()
        self._protocol: ClientProtocol | None = None
        self._task: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._connected = asyncio.Event()
        self._failure: WireError | None = None
        self._calls: dict[str, QuicCall] = {}
        """By sid."""
        self._unplaced: list[QuicCall] = []
        """Waiting for the connection."""
        self._parked: list[QuicCall] = []
        """Calls that lost theirs, and go on when there is one again."""
        self._touched: dict[QuicCall, None] = {}
        self._turns = 0
        """Flushes in which something waited already."""
        self._flush_handle: asyncio.Handle | None = None
        self._alarm: Alarm[QuicCall] = Alarm(self._overdue)
        self._closed = False

    # --- for the bridge ----------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """The gateway has spoken; a connection may be in use before that (0-RTT)."""
        protocol = self._protocol
        return protocol is not None and (not protocol.early or protocol.handshake.done())

    @property
    def stats(self) -> TransportStats:
        """Counters of the present connection; zeros without one."""
        return self._protocol.stats if self._protocol is not None else TransportStats()

    def connect(self) -> None:
        """Begin to connect, if that has not begun."""
        if self._task is None and not self._closed:
            self._task = self._loop.create_task(self._run())

    async def wait_connected(self, timeout_secs: float) -> None:
        """Connect, and wait for it. Raises WireError with why it is not."""
        self.connect()
        try:
            async with asyncio.timeout(timeout_secs):
                await self._connected.wait()
        except TimeoutError:
            raise self._failure or WireError(
                ErrorCode.CONNECTION_TIMEOUT, f"{self.endpoint} did not answer in time"
            ) from None

    def open_call(self, facts: CallFacts, agent: AgentSpec, on_event: OnEvent) -> QuicCall:
        """Begins at once; `Opened` or `LegFailed` follows, never before this has returned."""
        core = LegCall(facts, agent, self._loop.time(), relayed=not self._dialer.direct)
        call = QuicCall(self, core, agent, on_event)
        if self._closed:
            self._fail_soon(call, ErrorCode.CONNECTION_LOST, "the connection was closed")
        elif self._open_calls() >= MAX_CALLS_PER_CONNECTION:
            self._fail_soon(
                call,
                ErrorCode.TOO_MANY_CALLS,
                f"{MAX_CALLS_PER_CONNECTION} calls are on this connection; add workers",
            )
        elif self._protocol is not None:
            self._place(call)
        else:
            self._unplaced.append(call)
            self._alarm.watch(call)
            self._hurry.set()
            self.connect()
        return call

    def flush(self) -> None:
        """Send what the calls queued, in as few packets as it takes."""
        if self._flush_handle is not None:
            self._flush_handle.cancel()
            self._flush_handle = None
        touched, self._touched = list(self._touched), {}
        protocol = self._protocol
        if protocol is not None and protocol.queued_datagrams and touched:
            # The path does not take all, and what is last in a tick is shed: that is each in turn.
            self._turns += 1
            first = int(self._turns * GOLDEN % 1 * len(touched))
            touched = touched[first:] + touched[:first]
        for call in touched:
            self._hand_over(call)
        if protocol is not None and touched:
            protocol.transmit()
            protocol.drop_oldest(max(QUEUE_LEAST, QUEUE_PER_CALL * len(self._calls)))

    async def close(self) -> None:
        """End all calls without events, and the connection."""
        self._closed = True
        for call in [*self._calls.values(), *self._unplaced, *self._parked]:
            call.close("connection closed")
        self._parked.clear()
        self._unplaced.clear()
        self.flush()
        if self._protocol is not None:
            await self._protocol.drain(FAREWELL_SECS)
        self._alarm.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._drop_connection()

    # --- for calls ---------------------------------------------------------------------------

    def touched(self, call: QuicCall) -> None:
        """The call has something to send with the next flush."""
        self._touched[call] = None

    def touched_soon(self, call: QuicCall) -> None:
        """The same, and the flush follows by itself when nobody calls it."""
        self._touched[call] = None
        if self._flush_handle is None:
            self._flush_handle = self._loop.call_soon(self.flush)

    # --- for the protocol --------------------------------------------------------------------

    def on_object(self, subscription: Subscription, datagram: Datagram, now: float) -> None:
        tracks: CallTracks | None = subscription.context
        if tracks is None:
            return
        call, events = tracks.call, tracks.on_object(datagram, subscription, now)
        if len(events) == 1 and isinstance(events[0], ReplyAudio) and not call.silent:
            # Nearly always: a frame in its order, which brings no deadline that is earlier.
            self._tell(call, events[0])
        else:
            self._deliver(call, events)

    def on_event(self, event: moqt.Event, now: float) -> None:
        match event:
            case moqt.ObjectArrived(subscription=handle) | moqt.SubgroupEnded(subscription=handle):
                tracks = handle.context
            case moqt.Accepted(handle=handle) | moqt.Refused(handle=handle):
                tracks = handle.context
            case moqt.Withdrawn(handle=handle):
                tracks = handle.context
            case moqt.ForwardChanged(publication=handle):
                tracks = handle.context
            case moqt.SubscriptionEnded(subscription=handle):
                tracks = handle.context
            case moqt.TrackBroken(subscription=handle):
                tracks = handle.context
            case moqt.Asked():
                self._on_asked(event, now)
                return
            case moqt.GoingAway():
                log.info("%s: going away", self.endpoint)
                return
            case _:
                return
        if isinstance(tracks, CallTracks):
            self._deliver(tracks.call, tracks.receive(event, now))
            self.touched_soon(tracks.call)

    def on_shed(self, track: Hashable) -> None:
        if isinstance(track, QuicCall):
            track.core.stats.uplink_shed += 1

    def feed(self) -> bool:
        return False

    def _on_asked(self, asked: moqt.Asked, now: float) -> None:
        """A request of the gateway's, or of a relay's."""
        assert self._protocol is not None
        session = self._protocol.session
        match asked.request:
            case Publish(track=name):
                found = parse(name)
                call = self._calls.get(found.sid) if found is not None else None
                if found is None or call is None or call.tracks is None:
                    session.refuse(asked, RequestCode.UNINTERESTED, "no such call here")
                    return
                events = call.tracks.take_offer(asked, found.role)
                for event in events:
                    self.on_event(event, now)
            case SubscribeTracks() | PublishNamespace():
                # Every call's tracks are offered anyway, and asked for by their names.
                session.accept(asked)
            case _:
                session.refuse(asked, RequestCode.DOES_NOT_EXIST, "no such track here")

    # --- inside ------------------------------------------------------------------------------

    def _open_calls(self) -> int:
        """Those that have said their last may still be waiting to be flushed."""
        calls = [*self._calls.values(), *self._unplaced, *self._parked]
        return sum(not call.core.ended for call in calls)

    def _place(self, call: QuicCall) -> None:
        """Give a call its tracks."""
        assert self._protocol is not None
        sid = call.core.sid
        if sid in self._calls:
            self._fail_soon(call, ErrorCode.DUPLICATE_CALL, f"call {sid} is open")
            return
        call.tracks = CallTracks(call, self._protocol, self._dialer.direct)
        self._calls[sid] = call
        self._hand_over(call)
        self._alarm.watch(call)
        self._protocol.transmit_soon()

    def _hand_over(self, call: QuicCall) -> None:
        """Pass on what a call has to send; forget it when that was its last."""
        core, tracks = call.core, call.tracks
        if core.ended:
            if self._calls.get(core.sid) is call:
                del self._calls[core.sid]
            for waiting in (self._unplaced, self._parked):
                if call in waiting:
                    waiting.remove(call)
            self._alarm.watch(call)
        if self._protocol is None or tracks is None:
            return
        if not tracks.send():
            self._deliver(
                call, core.fail(ErrorCode.STALLED, "the gateway does not read its messages")
            )

    def _deliver(self, call: QuicCall, events: Iterable[ModelEvent]) -> None:
        for event in events:
            if call.silent:
                break
            call.silent = isinstance(event, LegFailed)
            self._tell(call, event)
        if call.core.ended:
            self.touched_soon(call)
        self._alarm.watch(call)

    def _tell(self, call: QuicCall, event: ModelEvent) -> None:
        try:
            call.on_event(event)
        except Exception:
            log.exception("call %s: the bridge failed on %r", call.core.sid, type(event))

    def _overdue(self, call: QuicCall, now: float) -> None:
        if self._protocol is not None and self._protocol.quiet:
            call.core.postpone(now)
        self._deliver(call, call.core.expire(now))
        if call.core.has_messages:
            self.touched_soon(call)

    def _fail_soon(self, call: QuicCall, code: ErrorCode, message: str) -> None:
        self._loop.call_soon(lambda: self._deliver(call, call.core.fail(code, message)))

    def _fail_all(self, calls: Iterable[QuicCall], error: WireError) -> None:
        for call in list(calls):
            self._deliver(call, call.core.fail(error.code, error.message))

    async def _run(self) -> None:
        """Connect, watch, and connect again."""
        pause, full = BACKOFF_FIRST, False
        while True:
            self._hurry.clear()
            try:
                protocol = await self._dialer.dial(full=full)
            except WireError as error:
                self._not_connected(error)
            except Exception as error:
                log.exception("%s: the attempt to connect broke", self.endpoint)
                self._not_connected(WireError(ErrorCode.CONNECTION_REFUSED, repr(error)))
            else:
                pause = BACKOFF_FIRST
                self._use(protocol)
                lost = await protocol.watch()
                # What began on a connection that never stood waits for a handshake this time.
                full = not protocol.stood
                self._lost(lost, begin_again=full)
                if self._parked or (full and self._unplaced):
                    log.warning("%s: %s; calls wait, trying at once", self.endpoint, self._failure)
                    continue
            log.warning("%s: %s; next try in %.1f s", self.endpoint, self._failure, pause)
            await asyncio.sleep(BACKOFF_FIRST)
            if not self._unplaced and not self._parked:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause - BACKOFF_FIRST):
                        await self._hurry.wait()
            pause = min(pause * 2, BACKOFF_MOST)

    def _not_connected(self, error: WireError) -> None:
        self._failure = error
        waiting, self._unplaced = self._unplaced, []
        self._fail_all(waiting, error)

    def _use(self, protocol: ClientProtocol) -> None:
        self._protocol = protocol
        protocol.attach(self)
        self._failure = None
        self._connected.set()
        log.info("%s: connected", self.endpoint)
        waiting, self._unplaced = self._parked + self._unplaced, []
        self._parked = []
        for call in waiting:
            if call.core.lost:
                call.core.resume()
            self._place(call)

    def _lost(self, why: str, *, begin_again: bool = False) -> None:
        self._failure = WireError(ErrorCode.CONNECTION_LOST, f"{self.endpoint}: {why}")
        self.reconnects += 1
        self._drop_connection()
        calls, self._calls = self._calls, {}
        now = self._loop.time()
        for call in calls.values():
            call.tracks = None
            if self._dialer.direct and call.core.lose(now):
                self._parked.append(call)
                self._alarm.watch(call)
            elif begin_again and call.core.begin_again():
                self._unplaced.append(call)
                self._alarm.watch(call)
        waiting = {*self._parked, *self._unplaced}
        self._fail_all((call for call in calls.values() if call not in waiting), self._failure)

    def _drop_connection(self) -> None:
        protocol, self._protocol = self._protocol, None
        self._connected.clear()
        if protocol is not None:
            protocol.abandon()
