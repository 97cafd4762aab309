"""One call's four tracks on the gateway's end of a MoQT session."""

from typing import Any

from bridge import codec
from bridge.gateway.session import Session as CallSession
from bridge.moqt import events as moqt
from bridge.moqt.errors import RequestCode
from bridge.moqt.messages import Param, Publish, Subscribe
from bridge.moqt.tracks import MIDDLE, Publication
from bridge.quic.datagram import ORDINARY
from bridge.wire import audio, call_tracks, messages
from bridge.wire.moqt_protocol import MoqtProtocol
from bridge.wire.tracks import (
    MESSAGE_PROPERTIES,
    MESSAGES_PRIORITY,
    Role,
    audio_properties,
    priority_of,
    track,
    wanted,
)


def was_anothers(offered: Publish | Subscribe, role: Role) -> bool:
    """Whether a track that is new here is no beginning of a call: a relay offers all that it has,
    the tracks too that a gateway had which is gone. The plugin comes back on others."""
    if isinstance(offered, Subscribe):
        return role not in ("events", "downlink")
    largest = offered.parameters.get(Param.LARGEST_OBJECT)
    if role == "control":  # what nobody has answered yet is an `open` alone
        return largest is not None and largest > (0, 0)
    return role != "uplink" or largest is not None


class CallTracks(call_tracks.CallTracks[Any, audio.UplinkFrame]):
    """Is subscribed to control and uplink, publishes events and downlink."""

    def __init__(
        self, owner: Any, sid: str, attempt: int, core: CallSession, protocol: MoqtProtocol
    ) -> None:
        """`owner` becomes the `context` of the four requests."""
        super().__init__(core, protocol, audio.uplink_frame)
        self.sid, self.attempt = sid, attempt
        self._owner = owner
        self._call: CallSession = core
        self._asked: dict[Role, moqt.Asked] = {}
        self._turn = -1

    def adopt(self, owner: Any, core: CallSession) -> None:
        """From now on these are the tracks of a call that was on another connection."""
        self._owner, self._core, self._call = owner, core, core
        for handle in (self.messages_in, self.audio_in, self.messages_out, self.audio_out):
            if handle is not None:
                handle.context = owner
        for asked in self._asked.values():
            asked.context = owner

    # --- requests ----------------------------------------------------------------------------

    def offered(self, asked: moqt.Asked, role: Role) -> list[moqt.Event]:
        """The plugin's side offers a track; returns what came with it."""
        if role not in ("control", "uplink") or self._call.ended:
            self._session.refuse(asked, RequestCode.UNINTERESTED, "not taken here")
            return []
        parameters = wanted(MESSAGES_PRIORITY) if role == "control" else {}
        subscription, events = self._session.accept_publish(asked, parameters)
        subscription.context = self._owner
        if role == "control":
            self.messages_in = subscription
        else:
            self.audio_in = subscription
        return events

    def asked(self, asked: moqt.Asked, role: Role) -> None:
        """The plugin's side asks for a track."""
        if role not in ("events", "downlink") or self._call.ended:
            self._session.refuse(asked, RequestCode.DOES_NOT_EXIST, "nobody publishes that")
            return
        asked.context = self._owner
        if role == "events":
            self.messages_out = self._session.accept_subscribe(asked, MESSAGE_PROPERTIES)
        elif self._call.open is not None:
            self.audio_out = self._session.accept_subscribe(asked, self._audio_properties())
        else:
            self._asked[role] = asked

    def opened(self, asked: messages.Open) -> None:
        """The call is known now: publish what nobody has asked for. A relay asks for nothing."""
        self._samples = codec.frame_samples(asked.codec, asked.input_rate_hz)
        waiting = self._asked.pop("downlink", None)
        if waiting is not None and not waiting.ended:
            self.audio_out = self._session.accept_subscribe(waiting, self._audio_properties())
        elif self.audio_out is None:
            self.audio_out = self._publish("downlink")
        if self.messages_out is None:
            self.messages_out = self._publish("events")

    def _publish(self, role: Role) -> Publication:
        properties = self._audio_properties() if role == "downlink" else MESSAGE_PROPERTIES
        made = self._session.publish(track(self.sid, role, self.attempt), properties)
        made.context = self._owner
        return made

    def _audio_properties(self) -> tuple[tuple[int, int | bytes], ...]:
        asked = self._call.open
        assert asked is not None
        # What a call's caller is worth, its agent is.
        priority = priority_of(self.audio_in.properties) if self.audio_in is not None else MIDDLE
        return audio_properties(asked.codec, asked.output_rate_hz, priority)

    # --- what leaves -------------------------------------------------------------------------

    def send_messages(self) -> bool:
        """Pass on what the call has to say; False when its messages are not taken."""
        if self.over:
            return True
        bodies, last = self._call.take_messages()
        if not (bodies or last or self._waiting):
            return True
        self._waiting += bodies
        self._write_messages()
        if last:
            events = self.messages_out
            if not self._waiting or (events is not None and events.ended):
                self.end()
            return True
        return self._messages_taken

    @property
    def may_speak(self) -> bool:
        """Whether frames of the agent's voice can leave now."""
        return self.audio_out is not None and self.audio_out.forward

    def send_frame(self, frame: audio.DownlinkFrame) -> bytes | None:
        """The datagram to queue, or None when it went to a stream."""
        assert self.audio_out is not None and self._call.open is not None
        if self._audio is None:
            by_stream = self._call.open.audio_delivery == "stream"
            self._audio = audio.AudioWriter(self._session, self.audio_out, by_stream=by_stream)
        self._turn = frame.turn
        return self._audio.downlink(frame)

    @property
    def rank(self) -> int:
        """Of the agent's voice among that of other calls; the smallest goes first."""
        return self.audio_out.rank if self.audio_out is not None else ORDINARY

    @property
    def first_rank(self) -> int:
        """The same of the first frame of a reply, once there was one."""
        assert self.audio_out is not None and self._audio is not None
        return self.audio_out.rank_of(self._audio.first_priority)

    def voice_waits(self, room: int) -> bool:
        """Whether the streams of the agent's voice have more than `room` bytes that the path has
        not taken."""
        if self._audio is None or not self._audio.by_stream:
            return False
        self._protocol.pump()
        return self._audio.backlog(self._protocol.stream_backlog) > room

    def cut_voice(self, turn: int) -> None:
        """Replies up to `turn` are not wanted any more: nor is what is under way of them."""
        if self._audio is not None and self._turn <= turn:
            self._audio.drop_group()

    def end_voice(self) -> None:
        """The reply has left."""
        if self._audio is not None:
            self._audio.finish_group()

    @property
    def _sender(self) -> Any:
        return self._owner

    def _leave(self) -> None:
        super()._leave()
        for asked in self._asked.values():
            self._session.refuse(asked, RequestCode.DOES_NOT_EXIST, "the call has ended")

    # --- what arrives ------------------------------------------------------------------------

    def _on_refused(self, refused: moqt.Refused, now: float) -> list[Any]:
        # Whoever asks for it meanwhile is answered with what he asked for.
        if refused.handle is self.messages_out:
            self.messages_out = None
            if refused.code != RequestCode.DUPLICATE_SUBSCRIPTION:
                self._core.expect_end(now)
        elif refused.handle is self.audio_out:
            self.audio_out = None
        return []
