"""The gateway's end of a MoQT session: its calls, their agents, what is sent to them."""

import asyncio
import logging
from collections.abc import Hashable, Iterable

from bridge.codec import CodecUnavailable
from bridge.gateway.agent import Agent, AgentCall, CallFailed
from bridge.gateway.call import Call, Host, call_info
from bridge.gateway.call_tracks import was_anothers
from bridge.gateway.counters import AgentStats
from bridge.gateway.events import AgentEvent, CallerAudio, Ended
from bridge.gateway.feeding import Feeder
from bridge.gateway.session import Asked
from bridge.moqt import events as moqt
from bridge.moqt.errors import RequestCode
from bridge.moqt.messages import Publish, PublishNamespace, Subscribe, SubscribeTracks
from bridge.moqt.objects import Datagram
from bridge.moqt.tracks import Subscription
from bridge.wire import messages
from bridge.wire.alarm import Alarm
from bridge.wire.connection import NO_ERROR
from bridge.wire.errors import ErrorCode, WireError
from bridge.wire.limits import FAREWELL_WAIT
from bridge.wire.moqt_protocol import MoqtProtocol
from bridge.wire.tracks import VOICE, CallTrack, parse

log = logging.getLogger(__name__)


class GatewayLink:
    """The calls of one MoQT session: of a plugin, or of a relay that plugins are behind."""

    def __init__(self, host: Host, most_calls: int, *, relayed: bool = False) -> None:
        """`relayed`: to a relay that we went to."""
        self.relayed = relayed
        self._host = host
        self._most_calls = most_calls
        self._protocol: MoqtProtocol | None = None
        self._loop = asyncio.get_running_loop()
        self._calls: dict[tuple[str, int], Call] = {}
        """By sid and attempt."""
        self.feeder: Feeder | None = None
        self._alarm: Alarm[Call] = Alarm(self._overdue)
        self.leaving = asyncio.Event()
        """The other side ends."""
        self.go_to = ""
        """Where it wants us to go then; nothing is the same place."""
        self._blocked = 0
        """Tracks that the other side could not offer; told of once."""
        host.links.add(self)

    @property
    def busy(self) -> bool:
        """Whether calls are open here."""
        return bool(self._calls)

    @property
    def protocol(self) -> MoqtProtocol:
        assert self._protocol is not None
        return self._protocol

    def start(self, protocol: MoqtProtocol) -> None:
        """Ask for the tracks of all calls."""
        self._protocol, self.feeder = protocol, Feeder(protocol)
        protocol.session.subscribe_tracks(VOICE)
        protocol.transmit_soon()

    def go_away(self, secs: float) -> None:
        """Take no more calls; say that the gateway ends, in so many seconds at the latest."""
        if self._protocol is not None:
            self.protocol.session.goaway(int(secs * 1000))
            self.protocol.pump()
            self.protocol.transmit_soon()

    def shut_down(self) -> None:
        """Tell every call that the gateway ends."""
        if self._protocol is None:
            return
        self.protocol.session.goaway()
        for call in list(self._calls.values()):
            call.session.refuse(ErrorCode.SHUTTING_DOWN, "the gateway is shutting down")
            self._deliver(call, [Ended(str(ErrorCode.SHUTTING_DOWN), "")])
        self.protocol.transmit()
        self.protocol.close(NO_ERROR, "shutting down")

    def over(self) -> None:
        """The connection has ended, and all of its calls with it."""
        self._alarm.close()
        for call in list(self._calls.values()):
            if not self._host.closing and call.session.lose(self._loop.time()):
                self._park(call)
            else:
                call.session.close("connection lost")
                self._call_over(call, Ended(str(ErrorCode.CONNECTION_LOST), "connection lost"))
        self._calls.clear()
        self.feeder = None
        self._host.links.discard(self)
        if self._protocol is not None:
            stats = self._protocol.stats
            self._host.stats.datagrams_malformed += stats.datagrams_malformed
            self._host.stats.datagrams_unknown += stats.datagrams_unknown
            self._host.stats.streams_refused += stats.streams_refused

    def _release(self, call: Call) -> None:
        """The call is on this connection no more."""
        call.link = None
        self._calls.pop(call.key, None)
        self._silence(call)
        self._alarm.forget(call)

    def _park(self, call: Call) -> None:
        """The call is lost, and waits."""
        self._release(call)
        secs = call.session.resume_secs
        log.warning("call %s: its connection is lost; it waits %d s for another", call.sid, secs)
        call.expiry = self._loop.call_later(secs + 0.01, self._waited_long_enough, call)

    def _waited_long_enough(self, call: Call) -> None:
        for event in call.session.expire(self._loop.time()):
            if isinstance(event, Ended):
                self._call_over(call, event)

    def _rejoin(self, newcomer: Call, call: Call, again: messages.Again) -> None:
        """`newcomer` turns out to be a call whose tracks are lost, or will be."""
        now = self._loop.time()
        newcomer.session.close("resumed")
        if newcomer.attempt < call.attempt:
            newcomer.tracks.abandon()
            return
        self._leave(call)
        call.session.lose(now)
        newcomer.link = None
        call.link, call.tracks, call.attempt = self, newcomer.tracks, newcomer.attempt
        call.tracks.adopt(call, call.session)
        self._calls[call.key] = call
        log.info("call %s: goes on, attempt %d", call.sid, call.attempt)
        self._deliver(call, call.session.resume(again, now))

    @staticmethod
    def _leave(call: Call) -> None:
        """Neither its present tracks nor its wait for others count any more."""
        link = call.link
        if link is not None:
            link._release(call)
            call.tracks.abandon()
            link.protocol.transmit_soon()
        if call.expiry is not None:
            call.expiry.cancel()
            call.expiry = None

    # --- what arrives ------------------------------------------------------------------------

    def on_object(self, subscription: Subscription, datagram: Datagram, now: float) -> None:
        call = subscription.context
        if type(call) is not Call:
            return
        events = call.tracks.on_object(datagram, subscription, now)
        agent_call = call.agent_call
        if agent_call is not None and len(events) == 1 and type(events[0]) is CallerAudio:
            # Nearly always: a frame in its order. By that the call has nothing to say, and no
            # deadline that is earlier.
            agent_call.put_audio(events[0])
        else:
            self._deliver(call, events)

    def on_event(self, event: moqt.Event, now: float) -> None:
        match event:
            case moqt.Asked():
                self._on_asked(event, now)
                return
            case moqt.GoingAway(handle=None, uri=uri):
                self.go_to = uri
                self.leaving.set()
                return
            case moqt.TrackBlocked(track=track):
                if not self._blocked:
                    log.warning("%s is not offered: the relay may open no more requests", track)
                self._blocked += 1
                return
            case moqt.ObjectArrived(subscription=handle) | moqt.SubgroupEnded(subscription=handle):
                pass
            case moqt.Accepted(handle=handle) | moqt.Refused(handle=handle):
                pass
            case moqt.Withdrawn(handle=handle) | moqt.ForwardChanged(publication=handle):
                pass
            case moqt.SubscriptionEnded(subscription=handle):
                pass
            case moqt.TrackBroken(subscription=handle):
                pass
            case _:
                return
        call = handle.context
        if isinstance(call, Call):
            self._deliver(call, call.tracks.receive(event, now))
        elif isinstance(event, moqt.Refused):
            log.warning("calls are not offered: %s", event.reason or event.code)

    def on_shed(self, track: Hashable) -> None:
        """Counted with the connection."""

    def _on_asked(self, asked: moqt.Asked, now: float) -> None:
        session = self.protocol.session
        match asked.request:
            case Publish(track=name) | Subscribe(track=name):
                found = parse(name)
                if found is None:
                    session.refuse(asked, RequestCode.DOES_NOT_EXIST, "no track of a call")
                elif self._is_anothers(asked.request, found):
                    session.refuse(asked, RequestCode.UNINTERESTED, "not from its beginning")
                elif (call := self._call(found)) is None:
                    session.refuse(asked, RequestCode.EXCESSIVE_LOAD, "too many calls")
                elif isinstance(asked.request, Publish):
                    for event in call.tracks.offered(asked, found.role):
                        self.on_event(event, now)
                    self.touched(call)
                else:
                    call.tracks.asked(asked, found.role)
                    self.touched(call)
            case SubscribeTracks() | PublishNamespace():
                session.accept(asked)
            case _:
                session.refuse(asked, RequestCode.NOT_SUPPORTED, "ask for tracks by their names")

    def _is_anothers(self, asked: Publish | Subscribe, name: CallTrack) -> bool:
        known = (name.sid, name.attempt) in self._calls
        return not known and was_anothers(asked, name.role)

    def _call(self, name: CallTrack) -> Call | None:
        """The call that a track is of, a new one if need be; None for one too many."""
        key = name.sid, name.attempt
        call = self._calls.get(key)
        if call is None and len(self._calls) < self._most_calls:
            call = self._calls[key] = Call(name, self, self.protocol)
        return call

    # --- what leaves -------------------------------------------------------------------------

    def feed(self) -> bool:
        """Pass frames of speaking calls to QUIC; whether there may be more."""
        return self.feeder is not None and self.feeder.feed()

    def _deliver(self, call: Call, events: Iterable[Asked | AgentEvent]) -> None:
        for event in events:
            if isinstance(event, Asked):
                self._admit(call, event.open)
            elif isinstance(event, Ended):
                self._call_over(call, event)
            elif call.agent_call is not None and not call.agent_call.put(event):
                call.session.refuse(ErrorCode.AGENT_FAILED, "the agent does not read its events")
                self._call_over(call, Ended(str(ErrorCode.AGENT_FAILED), "events unread"))
        self.touched(call)

    def touched(self, call: Call) -> None:
        """The call may have something to send, or a new deadline, or be over."""
        if call.link is not self:
            return
        session, tracks = call.session, call.tracks
        if session.lost:
            tracks.abandon()
            self._park(call)
            self.protocol.transmit_soon()
            return
        if not tracks.send_messages():
            session.refuse(ErrorCode.STALLED, "the plugin does not read its messages")
            self._call_over(call, Ended(str(ErrorCode.STALLED), "messages unread"))
            tracks.end()
        tracks.cut_voice(session.cut)
        if session.replies.waits and self.feeder is not None:
            self.feeder.add(call)
        if session.ended and not tracks.over and call.farewell_by is None:
            call.farewell_by = self._loop.time() + FAREWELL_WAIT
        if tracks.over:
            call.farewell_by = None
            if self._calls.get(call.key) is call:
                del self._calls[call.key]
        self._alarm.watch(call)
        self.protocol.transmit_soon()

    def _silence(self, call: Call) -> None:
        """The call has nothing more to say here."""
        if self.feeder is not None:
            self.feeder.drop(call)

    def _admit(self, call: Call, asked: messages.Open) -> None:
        call.tracks.opened(asked)
        if asked.sid != call.sid:
            call.session.refuse(ErrorCode.PROTOCOL_VIOLATION, "open of another call's sid")
            return
        if asked.again is not None:
            known = self._host.claim(asked.sid, asked.again.token)
            if isinstance(known, Call):
                self._rejoin(call, known, asked.again)
                return
            half = self._host.begun_with(asked.sid, asked.again.token)
            if isinstance(half, Call):
                if call.attempt < half.attempt:
                    call.session.close("begun anew")
                    call.tracks.abandon()
                    return
                # It never heard that it was taken anew: so did nobody.
                self._leave(half)
                half.session.close("begun anew")
                self._call_over(half, Ended("", "the plugin has begun it anew"))
        try:
            agent = self._host.admit(asked)
            stats = self._host.stats.agents.setdefault(asked.agent, AgentStats())
            agent_call = AgentCall(
                call_info(asked),
                call.session,
                touched=call.touched,
                accept=lambda headers: self._accept(call, headers),
                voiced=call.voiced,
                first_audio=stats.first_audio,
            )
        except (WireError, CodecUnavailable) as problem:
            error = problem
            if isinstance(problem, CodecUnavailable):
                error = WireError(ErrorCode.CODEC_UNAVAILABLE, f"{asked.codec}: {problem}")
            log.warning("call %s refused: %s", asked.sid, error)
            self._host.stats.refused += 1
            call.session.refuse(error.code, error.message)
            return
        self._host.sids.add(asked.sid)
        if asked.again is not None:
            self._host.begun(asked.sid, asked.again.token, call)
        self._host.stats.calls += 1
        stats.calls += 1
        stats.running += 1
        call.stats = stats
        log.info("call %s: %s, %s", asked.sid, asked.agent, asked.direction)
        call.admitted = True
        call.agent_call = agent_call
        call.task = self._loop.create_task(self._serve(call, agent_call, agent))
        self._host.tasks.add(call.task)
        call.task.add_done_callback(self._host.tasks.discard)
        if not getattr(agent, "accepts_calls", False):
            self._accept(call)

    def _accept(self, call: Call, sip_headers: dict[str, str] | None = None) -> None:
        if not call.session.accepted and not call.session.ended:
            token, secs = self._host.resumable(call.sid, call)
            now = self._loop.time()
            self._deliver(call, call.session.accept(now, token, secs, sip_headers))

    async def _serve(self, call: Call, agent_call: AgentCall, agent: Agent) -> None:
        try:
            await agent(agent_call)
        except asyncio.CancelledError:
            raise
        except CallFailed as failed:
            call.session.refuse(failed.code, failed.message)
            self._call_over(call, Ended(failed.code, failed.message))
        except Exception:
            log.exception("call %s: its agent failed", call.sid)
            call.session.refuse(ErrorCode.AGENT_FAILED, "the agent failed")
            self._call_over(call, Ended(str(ErrorCode.AGENT_FAILED), "exception"))
        else:
            call.session.close("the agent is done")
            self._call_over(call, Ended("", "the agent is done"))
        call.touched()

    def _call_over(self, call: Call, ended: Ended) -> None:
        if call.over:
            return
        call.over = True
        if ended.code:
            self._host.stats.failed += 1
            log.warning("call %s failed: %s: %s", call.sid, ended.code, ended.reason)
        elif call.admitted:
            log.info("call %s ended: %s", call.sid, ended.reason)
        if call.stats is not None:
            call.stats.running -= 1
            call.stats.failed += bool(ended.code)
        if call.admitted:
            self._host.sids.discard(call.sid)
            self._host.forget(call.sid)
        if call.expiry is not None:
            call.expiry.cancel()
        if call.link is not None:
            call.link._silence(call)
        if call.agent_call is not None:
            call.agent_call.finish(ended)

    def _overdue(self, call: Call, now: float) -> None:
        if call.session.ended:
            call.tracks.end()
            self.touched(call)
        else:
            if self.protocol.quiet:
                call.session.postpone(now, self.protocol.packet_at)
            self._deliver(call, call.session.expire(now))
