"""What both ends of a call share of its tracks: messages both ways, and the audio that comes."""

from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

from bridge.moqt import events as moqt
from bridge.moqt.objects import NORMAL, Datagram, StreamObject
from bridge.moqt.tracks import Publication, Subscription
from bridge.wire.audio import AudioWriter
from bridge.wire.control import MessageOrder, MessageWriter
from bridge.wire.errors import ErrorCode, WireError
from bridge.wire.limits import MAX_STREAM_BACKLOG
from bridge.wire.moqt_protocol import MoqtProtocol

E = TypeVar("E")
"""What the call's core tells."""
F = TypeVar("F")
"""A frame of the audio that comes."""


class CallCore(Protocol[E, F]):
    """One end of a call: its state and rules."""

    def receive_message(self, body: bytes, now: float) -> list[E]: ...

    def receive_audio(self, frame: F, now: float) -> list[E]: ...

    def receive_end(self, now: float) -> list[E]: ...

    def expect_end(self, now: float) -> None: ...

    def fail(self, code: ErrorCode, message: str) -> list[E]: ...


class CallTracks(Generic[E, F]):
    """One end's, of one attempt at a call: a subclass asks for the tracks, and says when the
    call's last was said."""

    def __init__(
        self,
        core: CallCore[E, F],
        protocol: MoqtProtocol,
        frame: Callable[[int, int, bytes, bytes, int], F | None],
    ) -> None:
        """`frame` makes a frame of an object: `audio.uplink_frame` or `audio.downlink_frame`."""
        self._core = core
        self._protocol = protocol
        self._session = protocol.session
        self._frame = frame
        self._samples = 0
        """Of a frame that comes."""
        self.messages_in: Subscription | None = None
        self.audio_in: Subscription | None = None
        self.messages_out: Publication | None = None
        self.audio_out: Publication | None = None
        self._waiting: list[bytes] = []
        self._writer: MessageWriter | None = None
        self._audio: AudioWriter | None = None
        self._order = MessageOrder()
        self.over = False
        """Everything was said, or will never be. Nothing is heard on them any more."""

    # --- what leaves -------------------------------------------------------------------------

    def _write_messages(self, *, hasty: bool = False) -> None:
        """Say what waits, if it is wanted now; `hasty`: twice."""
        track = self.messages_out
        if track is None or not track.forward or not self._waiting:
            return
        if self._writer is None:
            self._writer = MessageWriter(self._session, track)
        if hasty:
            self._protocol.say_twice(self._writer.stream_id)
        self._writer.write(self._waiting)
        self._waiting.clear()

    @property
    def _messages_taken(self) -> bool:
        """Whether the other side keeps up with the messages."""
        if self._writer is None:
            return True
        self._protocol.pump()
        return self._protocol.stream_backlog(self._writer.stream_id) <= MAX_STREAM_BACKLOG

    def end(self) -> None:
        """The call has said its last."""
        if not self.over:
            if self._writer is not None:
                self._writer.finish()
            if self._audio is not None:
                self._audio.finish_group()
            self._leave()

    def abandon(self) -> None:
        """The call goes on on other tracks, or waits for some: what is under way of these need not
        arrive."""
        if not self.over:
            if self._writer is not None:
                self._writer.reset()
            if self._audio is not None:
                self._audio.drop_group()
            self._leave()

    @property
    def _sender(self) -> Hashable:
        """By what the connection knows the audio that this end sends."""
        raise NotImplementedError

    def _leave(self) -> None:
        """Withdraw from the four requests."""
        self.over = True
        # PUBLISH_DONE says that no object follows it (section 10.11).
        self._protocol.forget(self._sender)
        for publication in (self.messages_out, self.audio_out):
            if publication is not None:
                self._session.finish(publication)
        for subscription in (self.messages_in, self.audio_in):
            if subscription is not None:
                self._session.cancel(subscription)

    # --- what arrives ------------------------------------------------------------------------

    def on_object(self, found: Datagram, subscription: Subscription, now: float) -> list[E]:
        """An object in a datagram."""
        _, group, object_id, properties, payload, status, _ = found
        if self.over or subscription is not self.audio_in or status != NORMAL:
            return []
        frame = self._frame(group, object_id, properties, payload, self._samples)
        if frame is not None:
            return self._core.receive_audio(frame, now)
        return self._malformed()

    def receive(self, event: moqt.Event, now: float) -> list[E]:
        """Something that a session tells of one of the call's tracks."""
        core = self._core
        if self.over:
            return []
        match event:
            case moqt.ObjectArrived(subscription=found, group=group, object=body):
                return self._on_stream_object(found, group, body, now)
            case moqt.SubgroupEnded(subscription=found, code=code) if found is self.messages_in:
                if code is None:
                    return core.receive_end(now)
                core.expect_end(now)
            case moqt.SubscriptionEnded(subscription=found) if found is self.messages_in:
                core.expect_end(now)
            case moqt.Withdrawn(handle=handle) if handle in (self.messages_in, self.messages_out):
                core.expect_end(now)
            case moqt.TrackBroken(subscription=found, reason=reason):
                message = found is self.messages_in
                code = ErrorCode.MESSAGE_TOO_LARGE if message else ErrorCode.PROTOCOL_VIOLATION
                return core.fail(code, reason)
            case moqt.Refused():
                return self._on_refused(event, now)
        return []

    def _on_refused(self, refused: moqt.Refused, now: float) -> list[E]:
        raise NotImplementedError

    def _on_stream_object(
        self, found: Subscription, group: int, body: StreamObject, now: float
    ) -> list[E]:
        if body.status != NORMAL:
            return []
        core = self._core
        if found is self.audio_in:
            frame = self._frame(group, body.object, body.properties, body.payload, self._samples)
            return self._malformed() if frame is None else core.receive_audio(frame, now)
        if found is not self.messages_in:
            return []
        try:
            if self._order.take(group, body.object):
                return core.receive_message(body.payload, now)
        except WireError as error:
            return core.fail(error.code, error.message)
        return []

    def _malformed(self) -> list[E]:
        """An object that is no frame."""
        self._protocol.stats.datagrams_malformed += 1
        return []
