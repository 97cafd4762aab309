"""The gateway's end of one call on the wire: state and rules, no I/O.

The shell feeds what arrived and the time, hands on the events, and sends what `take_messages`
and `next_frame` give. Rules by name in docs/wire.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bridge import codec
from bridge.gateway.arrivals import Arrivals
from bridge.gateway.events import (
    AgentEvent,
    Answered,
    CallerAudio,
    Cancelled,
    Committed,
    Ended,
    NoInput,
)
from bridge.gateway.replies import Leaving, Replies
from bridge.gateway.stats import SessionStats
from bridge.wire import audio, control, messages
from bridge.wire.errors import ErrorCode, WireError
from bridge.wire.limits import (
    CONTROL_BURST,
    CONTROL_RATE,
    LATE_END_WAIT,
    OPEN_WAIT,
    PEER_SILENT_AFTER,
    SAID_AGAIN,
    UPLINK_BURST,
    UPLINK_RATE,
)
from bridge.wire.rate import TokenBucket
from bridge.wire.resumption import Resumption


@dataclass(frozen=True, slots=True)
class Asked:
    """The plugin asks for a call: answer with `accept` or `refuse`."""

    open: messages.Open


class Session:
    """State of one call."""

    def __init__(self, now: float, *, relayed: bool = False) -> None:
        """`relayed`: the plugin is known to be behind a relay, so the end of its tracks may be
        the relay's doing. One that pings is behind one as well."""
        self.stats = SessionStats()
        self.open: messages.Open | None = None
        self.ended = False
        self.accepted = False
        """The agent has taken the call."""
        self._break = Resumption()
        self._arrivals = Arrivals(self.stats)
        self.replies = Replies(self.stats)
        """What the agent says and has not left; only this session changes it."""
        self._first: list[bytes] = []
        """What is said before all else on a new connection."""
        self._messages: list[bytes] = []
        self._committed = 0
        self._control_rate = TokenBucket(CONTROL_BURST, CONTROL_RATE, now)
        self._audio_rate = TokenBucket(UPLINK_BURST, UPLINK_RATE, now)
        self._open_deadline: float | None = now + OPEN_WAIT
        self._relayed = relayed
        self._silent_at: float | None = None
        """When a plugin behind a relay, which pings, is dead."""
        self._end_deadline: float | None = None
        """When the plugin is done with the call: until when its last message may come."""

    # --- a break of the connection -----------------------------------------------------------

    def lose(self, now: float) -> bool:
        """The connection is gone. Returns whether the call waits for another."""
        if self.ended or not self._break.lose(now):
            return False
        self._silent_at = self._end_deadline = None
        return True

    @property
    def lost(self) -> bool:
        """The call waits for the plugin, on whichever tracks."""
        return self._break.lost

    def postpone(self, now: float, heard_at: float) -> None:
        """Nothing comes at all, the last at `heard_at`: what is missing is waited for anew."""
        self._arrivals.postpone(now, heard_at)

    def resume(self, again: messages.Again, now: float) -> list[Asked | AgentEvent]:
        """The plugin has found its way back."""
        self._break.found(now)
        self._control_rate.spare(SAID_AGAIN)
        try:
            lacking = self._break.lacking(again.received)
        except WireError as error:
            return self.fail(error.code, error.message)
        resumed = messages.Resumed(received=self._break.received, next_seq=self._arrivals.next_seq)
        self._first = [control.encode(resumed)]
        self._messages = lacking + self._messages
        self.replies.go_on(again.turn, again.next_frame)
        self._arrivals.restart(now)
        if self._relayed:
            self._silent_at = now + PEER_SILENT_AFTER
        self.stats.breaks += 1
        return self._tell(self._arrivals.expire(now))

    @property
    def resume_secs(self) -> int:
        """How long the call waits for another connection."""
        return self._break.secs

    # --- what the agent says -----------------------------------------------------------------

    def accept(
        self,
        now: float,
        resume_token: str = "",
        resume_secs: int = 0,
        sip_headers: dict[str, str] | None = None,
    ) -> list[Asked | AgentEvent]:
        """The agent takes the call; returns what the plugin has said meanwhile. With a token the
        call outlives a break of the connection of so many seconds."""
        self.accepted = True
        self._break.offer(resume_token, resume_secs)
        opened = messages.Opened(
            resume=resume_token, resume_secs=resume_secs, sip_headers=sip_headers or {}
        )
        self._say(opened)
        return self._tell(self._arrivals.accept(now))

    def refuse(self, code: str, message: str) -> None:
        """End the call with an error: at its opening, or later."""
        if not self.ended:
            self._say(messages.Error(code=str(code), message=message[:512]))
            self._end()

    @property
    def cut(self) -> int:
        """What was sent of replies to this turn and before it is not wanted any more."""
        return self.replies.cut

    def may_speak(self, turn: int) -> bool:
        """Whether audio for `turn` would still go out."""
        return not self.ended and self.replies.may_speak(turn)

    def speak(self, turn: int, pcm: bytes) -> bool:
        """Queue audio of the reply to `turn`, any length; False when it was thrown away."""
        if not self.may_speak(turn):
            self.stats.fenced += 1
            return False
        self.replies.speak(turn, pcm)
        return True

    def speak_encoded(self, turn: int, data: bytes) -> bool:
        """The same for bytes in the call's codec, which must be G.711."""
        if self.ended or not self.replies.may_speak(turn):
            self.stats.fenced += 1
            return False
        self.replies.speak_encoded(turn, data)
        return True

    def end_reply(self, turn: int) -> None:
        """The reply to `turn` has been spoken to its end."""
        if self.may_speak(turn):
            end = self.replies.end(turn)
            if end is not None:
                self._say(end)

    def transcript(self, role: str, text: str, turn: int, final: bool) -> None:
        self._say(
            messages.Transcript(
                role=role,  # type: ignore[arg-type]
                text=control.fitting(text, messages.MAX_TRANSCRIPT),
                turn=turn,
                final=final,
            )
        )

    def tell(self, message: messages.Message) -> None:
        """Say something that has no part in turns and replies."""
        self._say(message)

    def hangup(self, reason: str, sip_headers: dict[str, str] | None = None) -> None:
        self._say(messages.Hangup(reason=reason[:256], sip_headers=sip_headers or {}))

    def transfer(
        self, target: str, attended: bool = False, sip_headers: dict[str, str] | None = None
    ) -> None:
        headers = sip_headers or {}
        self._say(messages.Transfer(target=target, attended=attended, sip_headers=headers))

    def close(self, reason: str) -> None:
        self._say(messages.Close(reason=reason[:256]))
        self._end()

    # --- what the wire says ------------------------------------------------------------------

    def receive_message(self, body: bytes, now: float) -> list[Asked | AgentEvent]:
        """The next message of the control track."""
        if self.ended:
            return []
        self._break.received += 1
        try:
            if not self._control_rate.take(now):
                raise WireError(ErrorCode.FLOOD, "too many control messages")
            return self._on_message(control.decode_from_plugin(body), now)
        except WireError as error:
            return self.fail(error.code, error.message)

    def receive_end(self, now: float) -> list[Asked | AgentEvent]:
        """There are no more messages: a plugin says so before, a relay may have lost it."""
        if self.ended or self._waits_for_plugin(now):
            return []
        self._end()
        return [Ended("", "the plugin ended its messages")]

    def expect_end(self, now: float) -> None:
        """The plugin is done with the call; its last message may be on its way."""
        if not self.ended and self._end_deadline is None:
            self._end_deadline = now + LATE_END_WAIT

    def receive_audio(self, frame: audio.UplinkFrame, now: float) -> list[Asked | AgentEvent]:
        if self.ended or not self.accepted:
            return []
        if not self._audio_rate.take(now):
            return self.fail(ErrorCode.FLOOD, "audio far faster than real time")
        events = self._arrivals.receive_audio(frame, now)
        if len(events) == 1 and type(events[0]) is CallerAudio:
            return events
        return self._tell(events)

    def expire(self, now: float) -> list[Asked | AgentEvent]:
        """Call at `deadline`, or at any time."""
        if self._open_deadline is not None and now >= self._open_deadline:
            return self.fail(ErrorCode.OPEN_TIMEOUT, "no open message in time")
        waits_until = self._break.deadline
        if waits_until is not None:
            if now < waits_until:
                return []
            self.close("connection lost")
            return [Ended(str(ErrorCode.CONNECTION_LOST), "the plugin did not come back")]
        if self._silent_at is not None and now >= self._silent_at:
            if self._waits_for_plugin(now):
                return []
            return self.fail(ErrorCode.CONNECTION_LOST, "the plugin gave no sign of life")
        if self._end_deadline is not None and now >= self._end_deadline:
            return self.receive_end(now)
        if self.ended:
            return []
        return self._tell(self._arrivals.expire(now))

    @property
    def deadline(self) -> float | None:
        """When `expire` has something to do."""
        if self.ended:
            return None
        if self._break.lost:
            return self._break.deadline
        times = (
            self._open_deadline,
            self._end_deadline,
            self._silent_at,
            self._arrivals.deadline,
        )
        return min((t for t in times if t is not None), default=None)

    # --- what is to be sent ------------------------------------------------------------------

    def take_messages(self) -> tuple[list[bytes], bool]:
        """Messages for the events track, and whether they are its last."""
        if self._break.lost:
            return [], self.ended
        out, self._messages = self._messages, []
        self._break.say(out)
        first, self._first = self._first, []
        return first + out, self.ended

    def next_frame(self, now: float) -> Leaving | None:
        """The next frame of the agent's voice, which leaves at `now`; None when there is none."""
        leaving, end = self.replies.next_frame(now)
        if end is not None:
            self._say(end)
        return leaving

    # --- inside ------------------------------------------------------------------------------

    def _say(self, message: messages.Message) -> None:
        if not self.ended:
            self._messages.append(control.encode(message))

    def _waits_for_plugin(self, now: float) -> bool:
        """Behind the relay nobody seems to be there: perhaps for a while only."""
        return self._relayed and self.lose(now)

    def _end(self) -> None:
        self.ended = True
        self._open_deadline = None
        self._end_deadline = self._silent_at = None
        self.replies.drop()
        self._arrivals.drop()

    def fail(self, code: ErrorCode, message: str) -> list[Asked | AgentEvent]:
        """End the call for what the plugin did."""
        if self.ended:
            return []
        self.refuse(code, message)
        return [Ended(str(code), message)]

    def _on_message(self, message: messages.FromPlugin, now: float) -> list[Asked | AgentEvent]:
        if isinstance(message, messages.Ping):
            if not self.accepted:
                raise WireError(ErrorCode.PROTOCOL_VIOLATION, "ping before opened")
            self._relayed = True
            self._silent_at = now + PEER_SILENT_AFTER
            self._say(messages.Pong())
            return []
        if isinstance(message, messages.Close):
            self._end()
            return [Ended("", message.reason)]
        if self.open is None:
            if not isinstance(message, messages.Open):
                raise WireError(ErrorCode.PROTOCOL_VIOLATION, f"{message.type} before open")
            self.open = message
            self._open_deadline = None
            self.replies.open(message)
            if message.codec in codec.G711:
                self._arrivals.decode = codec.G711Codec(message.codec).pcm
            if message.again is not None:
                self._committed = message.again.committed
                self._arrivals.begin_at(message.again.first_seq)
            return [Asked(message)]
        if isinstance(message, messages.Open):
            raise WireError(ErrorCode.PROTOCOL_VIOLATION, f"{message.type} out of place")
        if isinstance(message, messages.Commit | messages.NoInput):
            if message.turn <= self._committed:
                raise WireError(
                    ErrorCode.PROTOCOL_VIOLATION,
                    f"{message.type} of turn {message.turn} after turn {self._committed}",
                )
            self._committed = message.turn
        if isinstance(message, messages.Cancel) and message.turn > self._committed:
            raise WireError(
                ErrorCode.PROTOCOL_VIOLATION, f"cancel of uncommitted turn {message.turn}"
            )
        if isinstance(message, messages.Cancel) and message.heard_ms == 0:
            behind = self._arrivals.take_back(message.turn, now)
            if behind is not None:
                self.replies.raise_fence(message.turn)
                return self._tell(behind)
        return self._tell(self._arrivals.receive(message, now))

    def _tell(self, events: Iterable[AgentEvent]) -> list[Asked | AgentEvent]:
        """What the agent learns decides what it may say."""
        told: list[Asked | AgentEvent] = []
        for event in events:
            match event:
                case CallerAudio():
                    pass
                case Answered():
                    self.replies.answer()
                case Committed(turn=turn) | NoInput(turn=turn):
                    self.replies.announce(turn)
                case Cancelled(turn=turn):
                    self.replies.raise_fence(turn)
            told.append(event)
        return told
