"""One call's four tracks on the plugin's end of a MoQT session."""

import asyncio
from typing import TYPE_CHECKING

from bridge import codec
from bridge.leg.interface import ModelEvent
from bridge.moqt import events as moqt
from bridge.moqt.errors import RequestCode
from bridge.moqt.messages import Parameters
from bridge.moqt.names import Track
from bridge.moqt.token import Token
from bridge.moqt.tracks import Handle, Subscription
from bridge.wire import audio, call_tracks
from bridge.wire.errors import ErrorCode
from bridge.wire.limits import MAX_AUDIO_BACKLOG
from bridge.wire.moqt_protocol import MoqtProtocol
from bridge.wire.tracks import (
    AUDIO_PRIORITIES,
    MESSAGE_PROPERTIES,
    MESSAGES_PRIORITY,
    Role,
    audio_properties,
    track,
    wanted,
)

if TYPE_CHECKING:
    from bridge.leg.quic_call import QuicCall

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


class CallTracks(call_tracks.CallTracks[ModelEvent, audio.DownlinkFrame]):
    """Publishes control and uplink, subscribes to events and downlink."""

    def __init__(self, call: "QuicCall", protocol: MoqtProtocol, direct: bool) -> None:
        """`direct`: the other side is the gateway itself, which takes what is published."""
        super().__init__(call.core, protocol, audio.downlink_frame)
        self.call = call
        self.attempt = call.core.attempt
        agent, session = call.agent, self._session
        secret = agent.token.get_secret_value().encode()
        self._tokens = (Token(secret),) if secret else ()
        self._wait_ms = int(agent.open_timeout_secs * 1000)
        self._samples = codec.frame_samples(agent.model_codec, agent.output_rate_hz)
        self._priority = AUDIO_PRIORITIES[agent.priority]
        self.messages_in = self._subscribe("events")
        self.audio_in = self._subscribe("downlink")
        name = self._named("control")
        control = session.publish(name, MESSAGE_PROPERTIES, self._tokens, eager=direct)
        properties = audio_properties(agent.model_codec, agent.input_rate_hz, self._priority)
        uplink = session.publish(self._named("uplink"), properties, self._tokens, eager=direct)
        control.context = uplink.context = self
        self.messages_out, self.audio_out = control, uplink
        self._uplink = uplink
        by_stream = agent.audio_delivery == "stream"
        self._voice = self._audio = audio.AudioWriter(session, uplink, by_stream=by_stream)

    # --- what leaves -------------------------------------------------------------------------

    def send(self) -> bool:
        """Pass on what the call has to say; False when its messages are not taken."""
        call, core, protocol = self.call, self.call.core, self._protocol
        if self.over:
            return True
        rank, expires = self._uplink.rank, self._uplink.datagram_timeout
        for frame in core.take_audio():
            datagram = self._voice.uplink(frame.seq, frame.timestamp, frame.payload)
            if datagram is not None:
                protocol.queue_datagram(datagram, track=call, rank=rank, expires_secs=expires)
        self._shed_stream()
        bodies, last = core.take_messages()
        if not (bodies or last or self._waiting or call.hasty):
            return True
        self._waiting += bodies
        hasty, call.hasty = call.hasty, False
        if hasty and self._waiting:
            protocol.hurry(call)
        self._write_messages(hasty=hasty)
        if last:
            self.end()
            return True
        return self._messages_taken

    def _shed_stream(self) -> None:
        """Give up the rest of a group, when the path does not take what there is."""
        if not self._voice.by_stream:
            return
        self._protocol.pump()
        if self._voice.backlog(self._protocol.stream_backlog) > MAX_AUDIO_BACKLOG:
            self.call.core.stats.uplink_shed += 1
            self._voice.drop_group()

    @property
    def _sender(self) -> "QuicCall":
        return self.call

    # --- what arrives ------------------------------------------------------------------------

    def receive(self, event: moqt.Event, now: float) -> list[ModelEvent]:
        if isinstance(event, moqt.Accepted) and event.handle is self.messages_in:
            self.call.core.taken(now)
        return super().receive(event, now)

    def take_offer(self, asked: moqt.Asked, role: Role, now: float) -> list[moqt.Event]:
        """The gateway, or a relay, offers a track of this call; returns what came with it."""
        mine = {"events": self.messages_in, "downlink": self.audio_in}.get(role)
        if mine is None or self.over:
            self._session.refuse(asked, RequestCode.UNINTERESTED, "not asked for")
            return []
        self._session.cancel(mine)
        taken, events = self._session.accept_publish(asked, self._wanted(role))
        self._take(taken, role)
        if role == "events":
            self.call.core.taken(now)
        return events

    def _on_refused(self, refused: moqt.Refused, now: float) -> list[ModelEvent]:
        handle = refused.handle
        if isinstance(handle, Subscription):
            if refused.code == RequestCode.DUPLICATE_SUBSCRIPTION:
                return []  # it is about to be offered
            if refused.code in _NOT_YET or refused.retry_ms is not None:
                wait = max(ASK_AGAIN, (refused.retry_ms or 0) / 1000)
                role: Role = "events" if handle is self.messages_in else "downlink"
                asyncio.get_running_loop().call_later(wait, self._ask_again, handle, role)
                return []
        known = refused.code in list(RequestCode)
        code = _FAILURES.get(RequestCode(refused.code)) if known else None
        return self.call.core.refused(
            code or ErrorCode.CLOSED_EARLY, f"refused: {refused.reason or refused.code}", now
        )

    def _ask_again(self, handle: Handle, role: Role) -> None:
        if not self.over and handle in (self.messages_in, self.audio_in):
            self._take(self._subscribe(role), role)
            self._protocol.transmit_soon()

    def _take(self, subscription: Subscription, role: Role) -> None:
        subscription.context = self
        if role == "events":
            self.messages_in = subscription
        else:
            self.audio_in = subscription

    def _subscribe(self, role: Role) -> Subscription:
        name = self._named(role)
        made = self._session.subscribe(name, self._tokens, self._wait_ms, self._wanted(role))
        made.context = self
        return made

    def _wanted(self, role: Role) -> Parameters:
        return wanted(MESSAGES_PRIORITY if role == "events" else self._priority)

    def _named(self, role: Role) -> Track:
        return track(self.call.core.sid, role, self.attempt)
