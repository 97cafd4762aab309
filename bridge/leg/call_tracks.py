"""One call's four tracks on the plugin's end of a MoQT session."""

import asyncio
from typing import TYPE_CHECKING

from bridge import codec
from bridge.leg.interface import ModelEvent
from bridge.moqt import events as moqt
from bridge.moqt.errors import RequestCode
from bridge.moqt.objects import NORMAL, Datagram, StreamObject
from bridge.moqt.token import Token
from bridge.moqt.tracks import Handle, Subscription
from bridge.wire import audio
from bridge.wire.control import MessageOrder, MessageWriter
from bridge.wire.errors import ErrorCode, WireError
from bridge.wire.limits import MAX_AUDIO_BACKLOG, MAX_STREAM_BACKLOG
from bridge.wire.moqt_protocol import MoqtProtocol
from bridge.wire.tracks import Role, audio_properties, track

if TYPE_CHECKING:
    from bridge.leg.quic import QuicCall

ASK_AGAIN = 0.1
"""How soon a track is asked for again that nobody publishes yet."""
_NOT_YET = (RequestCode.DOES_NOT_EXIST, RequestCode.TIMEOUT)
_FAILURES = {
    RequestCode.UNAUTHORIZED: ErrorCode.UNAUTHORIZED,
    RequestCode.EXPIRED_AUTH_TOKEN: ErrorCode.UNAUTHORIZED,
    RequestCode.EXCESSIVE_LOAD: ErrorCode.TOO_MANY_CALLS,
    RequestCode.GOING_AWAY: ErrorCode.SHUTTING_DOWN,
    RequestCode.DUPLICATE_SUBSCRIPTION: ErrorCode.DUPLICATE_CALL,
}


class CallTracks:
    """Publishes control and uplink, subscribes to events and downlink."""

    def __init__(self, call: "QuicCall", protocol: MoqtProtocol, direct: bool) -> None:
        """`direct`: the other side is the gateway itself, which takes what is published."""
        self.call = call
        agent, sid = call.agent, call.core.sid
        self._protocol = protocol
        self._session = session = protocol.session
        secret = agent.token.get_secret_value().encode()
        self._tokens = (Token(secret),) if secret else ()
        self._wait_ms = int(agent.open_timeout_secs * 1000)
        self._samples = codec.frame_samples(agent.model_codec, agent.output_rate_hz)
        self.events = self._subscribe("events")
        self.downlink = self._subscribe("downlink")
        self._control = session.publish(track(sid, "control"), (), self._tokens, eager=direct)
        properties = audio_properties(agent.model_codec, agent.input_rate_hz)
        self._uplink = session.publish(track(sid, "uplink"), properties, self._tokens, eager=direct)
        self._control.context = self._uplink.context = self
        by_stream = agent.audio_delivery == "stream"
        self._audio = audio.AudioWriter(session, self._uplink, by_stream=by_stream)
        self._writer: MessageWriter | None = None
        self._waiting: list[bytes] = []
        self._order = MessageOrder()
        self._over = False

    # --- what leaves -------------------------------------------------------------------------

    def send(self) -> bool:
        """Pass on what the call has to say; False when its messages are not taken."""
        call, core, protocol = self.call, self.call.core, self._protocol
        if self._over:
            return True
        for frame in core.take_audio():
            datagram = self._audio.uplink(frame.seq, frame.timestamp, frame.payload)
            if datagram is not None:
                protocol.queue_datagram(datagram, track=call)
        self._shed_stream()
        bodies, last = core.take_messages()
        self._waiting += bodies
        hasty, call.hasty = call.hasty, False
        if self._control.forward and self._waiting:
            if self._writer is None:
                self._writer = MessageWriter(self._session, self._control)
            if hasty:
                protocol.hurry(call)
                protocol.say_twice(self._writer.stream_id)
            self._writer.write(self._waiting)
            self._waiting.clear()
        if last:
            self._end()
        elif self._writer is not None:
            protocol.pump()
            return protocol.stream_backlog(self._writer.stream_id) <= MAX_STREAM_BACKLOG
        return True

    def _shed_stream(self) -> None:
        """Give up the rest of a group that the path does not take."""
        stream_id = self._audio.stream_id
        if stream_id is None:
            return
        self._protocol.pump()
        if self._protocol.stream_backlog(stream_id) > MAX_AUDIO_BACKLOG:
            self.call.core.stats.uplink_shed += 1
            self._audio.drop_group()

    def _end(self) -> None:
        """The call has said its last."""
        self._over = True
        if self._writer is not None:
            self._writer.finish()
        self._audio.finish_group()
        for publication in (self._control, self._uplink):
            self._session.finish(publication)
        for subscription in (self.events, self.downlink):
            self._session.cancel(subscription)

    # --- what arrives ------------------------------------------------------------------------

    def frame(self, found: Datagram) -> audio.DownlinkFrame | None:
        """An object of the downlink as a frame."""
        return audio.downlink_frame(
            found.group, found.object, found.properties, found.payload, self._samples
        )

    def receive(self, event: moqt.Event, now: float) -> list[ModelEvent]:
        """Something that a session tells of one of the call's tracks."""
        core = self.call.core
        match event:
            case moqt.ObjectArrived(subscription=found, group=group, object=body):
                return self._on_object(found, group, body, now)
            case moqt.SubgroupEnded(subscription=found, code=code) if found is self.events:
                if code is None:
                    return core.receive_end()
                core.expect_end(now)
            case moqt.SubscriptionEnded(subscription=found) if found is self.events:
                core.expect_end(now)
            case moqt.Withdrawn(handle=handle) if handle in (self._control, self.events):
                core.expect_end(now)
            case moqt.TrackBroken(subscription=found, reason=reason):
                late = found is self.events
                code = ErrorCode.MESSAGE_TOO_LARGE if late else ErrorCode.PROTOCOL_VIOLATION
                return core.fail(code, reason)
            case moqt.Refused():
                return self._on_refused(event)
        return []

    def take_offer(self, asked: moqt.Asked, role: Role) -> list[moqt.Event]:
        """The gateway, or a relay, offers a track of this call; returns what came with it."""
        mine = {"events": self.events, "downlink": self.downlink}.get(role)
        if mine is None or self._over:
            self._session.refuse(asked, RequestCode.UNINTERESTED, "not asked for")
            return []
        self._session.cancel(mine)
        taken, events = self._session.accept_publish(asked)
        self._take(taken, role)
        return events

    def _on_object(
        self, found: Subscription, group: int, body: StreamObject, now: float
    ) -> list[ModelEvent]:
        core = self.call.core
        if body.status != NORMAL:
            return []
        if found is self.events:
            try:
                if self._order.take(group, body.object):
                    return core.receive_message(body.payload, now)
            except WireError as error:
                return core.fail(error.code, error.message)
        elif found is self.downlink:
            frame = audio.downlink_frame(
                group, body.object, body.properties, body.payload, self._samples
            )
            if frame is not None:
                return core.receive_audio(frame, now)
            self._protocol.stats.datagrams_malformed += 1
        return []

    def _on_refused(self, refused: moqt.Refused) -> list[ModelEvent]:
        handle = refused.handle
        if isinstance(handle, Subscription):
            if refused.code == RequestCode.DUPLICATE_SUBSCRIPTION:
                return []  # it is about to be offered
            if refused.code in _NOT_YET or refused.retry_ms is not None:
                wait = max(ASK_AGAIN, (refused.retry_ms or 0) / 1000)
                role: Role = "events" if handle is self.events else "downlink"
                asyncio.get_running_loop().call_later(wait, self._ask_again, handle, role)
                return []
        known = refused.code in list(RequestCode)
        code = _FAILURES.get(RequestCode(refused.code)) if known else None
        return self.call.core.fail(
            code or ErrorCode.CLOSED_EARLY, f"refused: {refused.reason or refused.code}"
        )

    def _ask_again(self, handle: Handle, role: Role) -> None:
        if not self._over and handle in (self.events, self.downlink):
            self._take(self._subscribe(role), role)
            self._protocol.transmit_soon()

    def _take(self, subscription: Subscription, role: Role) -> None:
        subscription.context = self
        if role == "events":
            self.events = subscription
        else:
            self.downlink = subscription

    def _subscribe(self, role: Role) -> Subscription:
        made = self._session.subscribe(track(self.call.core.sid, role), self._tokens, self._wait_ms)
        made.context = self
        return made
