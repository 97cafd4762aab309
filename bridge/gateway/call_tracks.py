"""One call's four tracks on the gateway's end of a MoQT session."""

from typing import Any

from bridge import codec
from bridge.gateway.session import Session as CallSession
from bridge.moqt import events as moqt
from bridge.moqt.errors import RequestCode
from bridge.moqt.objects import NORMAL, Datagram, StreamObject
from bridge.moqt.tracks import Publication, Subscription
from bridge.wire import audio, messages
from bridge.wire.control import MessageOrder, MessageWriter
from bridge.wire.errors import ErrorCode, WireError
from bridge.wire.limits import MAX_AUDIO_BACKLOG, MAX_STREAM_BACKLOG
from bridge.wire.moqt_protocol import MoqtProtocol
from bridge.wire.tracks import Role, audio_properties, track


class CallTracks:
    """Is subscribed to control and uplink, publishes events and downlink."""

    def __init__(self, owner: Any, sid: str, core: CallSession, protocol: MoqtProtocol) -> None:
        """`owner` becomes the `context` of the four requests."""
        self.sid = sid
        self._owner = owner
        self._core = core
        self._protocol = protocol
        self._session = protocol.session
        self._control: Subscription | None = None
        self._uplink: Subscription | None = None
        self._asked: dict[Role, moqt.Asked] = {}
        self._events: Publication | None = None
        self._downlink: Publication | None = None
        self._audio: audio.AudioWriter | None = None
        self._turn = -1
        self._writer: MessageWriter | None = None
        self._waiting: list[bytes] = []
        self._order = MessageOrder()
        self._samples = 0
        self.over = False
        """Everything was said, or will never be."""

    def adopt(self, owner: Any, core: CallSession) -> None:
        """From now on these are the tracks of a call that was on another connection."""
        self._owner, self._core = owner, core
        for handle in (self._control, self._uplink, self._events, self._downlink):
            if handle is not None:
                handle.context = owner
        for asked in self._asked.values():
            asked.context = owner

    # --- requests ----------------------------------------------------------------------------

    def offered(self, asked: moqt.Asked, role: Role) -> list[moqt.Event]:
        """The plugin's side offers a track; returns what came with it."""
        if role not in ("control", "uplink") or self._core.ended:
            self._session.refuse(asked, RequestCode.UNINTERESTED, "not taken here")
            return []
        subscription, events = self._session.accept_publish(asked)
        subscription.context = self._owner
        if role == "control":
            self._control = subscription
        else:
            self._uplink = subscription
        return events

    def asked(self, asked: moqt.Asked, role: Role) -> None:
        """The plugin's side asks for a track."""
        if role not in ("events", "downlink") or self._core.ended:
            self._session.refuse(asked, RequestCode.DOES_NOT_EXIST, "nobody publishes that")
            return
        asked.context = self._owner
        if role == "events":
            self._events = self._session.accept_subscribe(asked)
        elif self._core.open is not None:
            self._downlink = self._session.accept_subscribe(asked, self._audio_properties())
        else:
            self._asked[role] = asked

    def opened(self, asked: messages.Open) -> None:
        """The call is known now: publish what nobody has asked for. A relay asks for nothing."""
        self._samples = codec.frame_samples(asked.codec, asked.input_rate_hz)
        waiting = self._asked.pop("downlink", None)
        if waiting is not None and not waiting.ended:
            self._downlink = self._session.accept_subscribe(waiting, self._audio_properties())
        elif self._downlink is None:
            self._downlink = self._publish("downlink")
        if self._events is None:
            self._events = self._publish("events")

    def _publish(self, role: Role) -> Publication:
        properties = self._audio_properties() if role == "downlink" else ()
        made = self._session.publish(track(self.sid, role), properties)
        made.context = self._owner
        return made

    def _audio_properties(self) -> tuple[tuple[int, int | bytes], ...]:
        asked = self._core.open
        assert asked is not None
        return audio_properties(asked.codec, asked.output_rate_hz)

    # --- what leaves -------------------------------------------------------------------------

    def send_messages(self) -> bool:
        """Pass on what the call has to say; False when its messages are not taken."""
        if self.over:
            return True
        bodies, last = self._core.take_messages()
        self._waiting += bodies
        events = self._events
        if events is not None and events.forward and self._waiting:
            if self._writer is None:
                self._writer = MessageWriter(self._session, events)
            self._writer.write(self._waiting)
            self._waiting.clear()
        if last:
            if not self._waiting or (events is not None and events.ended):
                self.end()
            return True
        if self._writer is None:
            return True
        self._protocol.pump()
        return self._protocol.stream_backlog(self._writer.stream_id) <= MAX_STREAM_BACKLOG

    @property
    def may_speak(self) -> bool:
        """Whether frames of the agent's voice can leave now."""
        return self._downlink is not None and self._downlink.forward

    def send_frame(self, frame: audio.DownlinkFrame) -> bytes | None:
        """The datagram to queue, or None when it went to a stream."""
        assert self._downlink is not None and self._core.open is not None
        if self._audio is None:
            by_stream = self._core.open.audio_delivery == "stream"
            self._audio = audio.AudioWriter(self._session, self._downlink, by_stream=by_stream)
        self._turn = frame.turn
        return self._audio.downlink(frame)

    @property
    def voice_waits(self) -> bool:
        """Whether the stream of the agent's voice has more than the path takes."""
        stream_id = self._audio.stream_id if self._audio is not None else None
        if stream_id is None:
            return False
        self._protocol.pump()
        return self._protocol.stream_backlog(stream_id) > MAX_AUDIO_BACKLOG

    def cut_voice(self, turn: int) -> None:
        """Replies up to `turn` are not wanted any more: nor is what is under way of them."""
        if self._audio is not None and self._turn <= turn:
            self._audio.drop_group()

    def end_voice(self) -> None:
        """The reply has left."""
        if self._audio is not None:
            self._audio.finish_group()

    def end(self) -> None:
        """The call has said its last."""
        if self.over:
            return
        self.over = True
        if self._writer is not None:
            self._writer.finish()
        if self._audio is not None:
            self._audio.finish_group()
        for publication in (self._events, self._downlink):
            if publication is not None:
                self._session.finish(publication)
        for subscription in (self._control, self._uplink):
            if subscription is not None:
                self._session.cancel(subscription)
        for asked in self._asked.values():
            self._session.refuse(asked, RequestCode.DOES_NOT_EXIST, "the call has ended")

    # --- what arrives ------------------------------------------------------------------------

    def on_object(self, found: Datagram, subscription: Subscription, now: float) -> list[Any]:
        """An object in a datagram."""
        if subscription is not self._uplink or found.status != NORMAL:
            return []
        return self._on_audio(found.group, found.object, found.properties, found.payload, now)

    def receive(self, event: moqt.Event, now: float) -> list[Any]:
        """Something that a session tells of one of the call's tracks."""
        core = self._core
        match event:
            case moqt.ObjectArrived(subscription=found, group=group, object=body):
                return self._on_stream_object(found, group, body, now)
            case moqt.SubgroupEnded(subscription=found, code=code) if found is self._control:
                if code is None:
                    return core.receive_end()
                core.expect_end(now)
            case moqt.SubscriptionEnded(subscription=found) if found is self._control:
                core.expect_end(now)
            case moqt.Withdrawn(handle=handle) if handle in (self._control, self._events):
                core.expect_end(now)
            case moqt.TrackBroken(subscription=found, reason=reason):
                message = found is self._control
                code = ErrorCode.MESSAGE_TOO_LARGE if message else ErrorCode.PROTOCOL_VIOLATION
                return core.fail(code, reason)
            case moqt.Refused(handle=handle, code=code, reason=reason):
                # Whoever asks for it meanwhile is answered with what he asked for.
                if handle is self._events:
                    self._events = None
                    if code != RequestCode.DUPLICATE_SUBSCRIPTION:
                        core.expect_end(now)
                elif handle is self._downlink:
                    self._downlink = None
        return []

    def _on_stream_object(
        self, found: Subscription, group: int, body: StreamObject, now: float
    ) -> list[Any]:
        if body.status != NORMAL:
            return []
        if found is self._uplink:
            return self._on_audio(group, body.object, body.properties, body.payload, now)
        if found is not self._control:
            return []
        try:
            if self._order.take(group, body.object):
                return self._core.receive_message(body.payload, now)
        except WireError as error:
            return self._core.fail(error.code, error.message)
        return []

    def _on_audio(
        self, group: int, object_id: int, properties: bytes, payload: bytes, now: float
    ) -> list[Any]:
        frame = audio.uplink_frame(group, object_id, properties, payload, self._samples)
        if frame is not None:
            return self._core.receive_audio(frame, now)
        self._protocol.stats.datagrams_malformed += 1
        return []
