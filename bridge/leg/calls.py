"""The calls of one endpoint: those on a connection with their tracks, and those that wait for one.

Who owns it connects, says so by `use` and `lost`, and sends by `flush`.
"""

import asyncio
import logging
from collections.abc import Callable, Hashable, Iterable

from bridge.agent import AgentSpec
from bridge.leg.call import LegCall
from bridge.leg.call_tracks import CallTracks
from bridge.leg.interface import CallFacts, LegFailed, ModelEvent, OnEvent, ReplyAudio
from bridge.leg.quic_call import QuicCall
from bridge.moqt import events as moqt
from bridge.moqt.errors import RequestCode
from bridge.moqt.messages import Publish, PublishNamespace, SubscribeTracks
from bridge.moqt.objects import Datagram
from bridge.moqt.tracks import Subscription
from bridge.wire.alarm import Alarm
from bridge.wire.errors import ErrorCode, WireError
from bridge.wire.moqt_protocol import MoqtProtocol
from bridge.wire.tracks import parse

QUEUE_PER_CALL = 10
"""Uplink frames (20 ms each) that may wait for the path, for each open call."""
QUEUE_LEAST = 200
"""The bound for a few calls: what is handed over at once may wait for the path."""
GOLDEN = (5**0.5 - 1) / 2
"""Who begins moves on by this share of all calls, so that no call misses many frames in a row."""
NUDGE_SECS = 0.05
"""How long a call that catches up may be left alone: the bridge flushes every 20 ms."""

log = logging.getLogger(__name__)


class Calls:
    """Owner of the connection's events while it is in use; to be made on the event loop."""

    def __init__(self, direct: bool, going_away: Callable[[str, int], None]) -> None:
        """`direct`: the other side is the gateway itself, not a relay. `going_away` is told when
        that ends: another place to go to, or none, and how many milliseconds are left."""
        self._going_away = going_away
        self._direct = direct
        self._loop = asyncio.get_running_loop()
        self._protocol: MoqtProtocol | None = None
        self._placed: dict[str, QuicCall] = {}
        """By sid."""
        self._unplaced: list[QuicCall] = []
        """Waiting for the connection."""
        self._parked: list[QuicCall] = []
        """Calls that lost theirs, and go on when there is one again."""
        self.leaving = False
        """New calls wait for another connection than the one that stands."""
        self._touched: dict[QuicCall, None] = {}
        self._turns = 0
        """Flushes in which something waited already."""
        self._flush_handle: asyncio.Handle | None = None
        self._alarm: Alarm[QuicCall] = Alarm(self._overdue)

    # --- for the bridge ----------------------------------------------------------------------

    def make(self, facts: CallFacts, agent: AgentSpec, on_event: OnEvent) -> QuicCall:
        """A call that is nowhere yet: `open` or `refuse` it."""
        core = LegCall(facts, agent, self._loop.time(), relayed=not self._direct)
        return QuicCall(self, core, agent, on_event)

    def open(self, call: QuicCall) -> None:
        """It begins, at once or when there is a connection that may be used."""
        if self._protocol is not None and not self.leaving:
            self._place(call)
        else:
            self._unplaced.append(call)
            self._alarm.watch(call)

    def refuse(self, call: QuicCall, code: ErrorCode, message: str) -> None:
        """It cannot begin; said when the caller has got it."""
        self._loop.call_soon(lambda: self._deliver(call, call.core.fail(code, message)))

    @property
    def open_calls(self) -> int:
        """Those that have said their last may still be waiting to be flushed."""
        return sum(not call.core.ended for call in self._all())

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
            protocol.drop_oldest(max(QUEUE_LEAST, QUEUE_PER_CALL * len(self._placed)))

    def close(self) -> None:
        """End all calls without events, and say so to the gateway."""
        for call in self._all():
            call.close("connection closed")
        self._parked.clear()
        self._unplaced.clear()
        self.flush()

    def forget(self) -> None:
        """The connection is about to be closed, and no deadline counts any more."""
        self._alarm.close()
        self._protocol = None

    # --- the connection ----------------------------------------------------------------------

    @property
    def wait(self) -> bool:
        """Whether calls wait for a connection."""
        return bool(self._unplaced or self._parked)

    def use(self, protocol: MoqtProtocol) -> None:
        """There is a connection: whoever waits for it gets tracks."""
        self.leaving = False
        self._protocol = protocol
        protocol.attach(self)
        waiting, self._unplaced = self._parked + self._unplaced, []
        self._parked = []
        for call in waiting:
            if call.core.lost:
                call.core.resume(self._loop.time())
            self._place(call)

    def lost(self, why: WireError, *, begin_again: bool) -> None:
        """It is over. Calls that may go on wait for the next one, the others have failed.
        `begin_again`: it never stood, so calls that were only opened on it have said nothing."""
        self._protocol = None
        calls, self._placed = self._placed, {}
        now = self._loop.time()
        failed = []
        for call in calls.values():
            call.tracks = None
            if call.core.lose(now):
                self._parked.append(call)
                self._alarm.watch(call)
            elif begin_again and call.core.begin_again():
                self._unplaced.append(call)
                self._alarm.watch(call)
            else:
                failed.append(call)
        self._fail_all(failed, why)

    def stay(self) -> None:
        """There will be no other connection while this one stands: new calls begin on it."""
        self.leaving = False
        if self._protocol is None or self._protocol.ended is not None:
            return
        waiting, self._unplaced = self._unplaced, []
        for call in waiting:
            self._place(call)

    @property
    def may_move(self) -> bool:
        """Whether every call goes on on another connection, though this one stands."""
        return all(call.core.resumable for call in self._placed.values())

    def not_connected(self, why: WireError) -> None:
        """An attempt to connect came to nothing: new calls do not wait for the next."""
        waiting, self._unplaced = self._unplaced, []
        self._fail_all(waiting, why)

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
            case moqt.GoingAway(handle=None):
                self._going_away(event.uri, event.timeout_ms)
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
                call = self._placed.get(found.sid) if found is not None else None
                tracks = call.tracks if call is not None else None
                if found is None or tracks is None or found.attempt != tracks.attempt:
                    session.refuse(asked, RequestCode.UNINTERESTED, "no such call here")
                    return
                for event in tracks.take_offer(asked, found.role, now):
                    self.on_event(event, now)
            case SubscribeTracks() | PublishNamespace():
                # Every call's tracks are offered anyway, and asked for by their names.
                session.accept(asked)
            case _:
                session.refuse(asked, RequestCode.DOES_NOT_EXIST, "no such track here")

    # --- inside ------------------------------------------------------------------------------

    def _all(self) -> list[QuicCall]:
        return [*self._placed.values(), *self._unplaced, *self._parked]

    def _place(self, call: QuicCall) -> None:
        """Give a call its tracks."""
        sid = call.core.sid
        if sid in self._placed:
            self.refuse(call, ErrorCode.DUPLICATE_CALL, f"call {sid} is open")
            return
        self._placed[sid] = call
        self._make_tracks(call)

    def _make_tracks(self, call: QuicCall) -> None:
        assert self._protocol is not None
        call.tracks = CallTracks(call, self._protocol, self._direct)
        self._hand_over(call)
        self._alarm.watch(call)
        self._protocol.transmit_soon()

    def _ask_anew(self, call: QuicCall) -> None:
        """Behind the relay nobody answers: other tracks, and the question whether it goes on."""
        assert call.tracks is not None
        call.tracks.abandon()
        call.core.resume(self._loop.time())
        log.info("call %s: nobody answers, attempt %d to go on", call.core.sid, call.core.attempt)
        self._make_tracks(call)

    def _hand_over(self, call: QuicCall) -> None:
        """Pass on what a call has to send; forget it when that was its last."""
        core, tracks = call.core, call.tracks
        if core.ended:
            if self._placed.get(core.sid) is call:
                del self._placed[core.sid]
            for waiting in (self._unplaced, self._parked):
                if call in waiting:
                    waiting.remove(call)
            self._alarm.watch(call)
        if self._protocol is None or tracks is None:
            return
        if core.behind and not core.lost:
            self._nudge(call)
        if not tracks.send():
            self._deliver(
                call, core.fail(ErrorCode.STALLED, "the gateway does not read its messages")
            )

    def _nudge(self, call: QuicCall) -> None:
        """What waited for a connection leaves a little with each flush; on hold nobody asks for
        one."""
        if call.nudge is not None:
            call.nudge.cancel()
        call.nudge = self._loop.call_later(NUDGE_SECS, self.touched_soon, call)

    def _deliver(self, call: QuicCall, events: Iterable[ModelEvent]) -> None:
        for event in events:
            if call.silent:
                break
            call.silent = isinstance(event, LegFailed)
            self._tell(call, event)
        if call.core.ended:
            self.touched_soon(call)
        if call.core.asks_anew:
            self._ask_anew(call)
        self._alarm.watch(call)

    def _tell(self, call: QuicCall, event: ModelEvent) -> None:
        try:
            call.on_event(event)
        except Exception:
            log.exception("call %s: the bridge failed on %r", call.core.sid, type(event))

    def _overdue(self, call: QuicCall, now: float) -> None:
        if self._protocol is not None and self._protocol.quiet:
            call.core.postpone(now, self._protocol.packet_at)
        self._deliver(call, call.core.expire(now))
        if call.core.has_messages:
            self.touched_soon(call)

    def _fail_all(self, calls: Iterable[QuicCall], error: WireError) -> None:
        for call in list(calls):
            self._deliver(call, call.core.fail(error.code, error.message))
