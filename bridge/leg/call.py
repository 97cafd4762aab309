"""The plugin's end of one call on the wire: state and rules, no I/O.

The shell feeds what arrived and the time, hands on the events, and sends what `take_messages`
and `take_audio` give. Rules by name in docs/wire.md.
"""

from bridge import codec
from bridge.agent import AgentSpec
from bridge.leg.comeback import Comeback
from bridge.leg.interface import (
    CallFacts,
    DtmfAsked,
    HangupAsked,
    HoldAsked,
    LegFailed,
    ModelEvent,
    Noticed,
    Opened,
    ToolCalled,
    Transcript,
    TransferAsked,
    TransferDecided,
    TransferState,
    UsageReported,
)
from bridge.leg.opening import cut, encode_open
from bridge.leg.outgoing import Outgoing
from bridge.leg.replies import Replies
from bridge.leg.stats import LegStats
from bridge.wire import audio, control, messages
from bridge.wire.errors import ErrorCode, WireError
from bridge.wire.limits import (
    CONTROL_BURST,
    CONTROL_RATE,
    DEAD_AFTER,
    DOWNLINK_BURST,
    DOWNLINK_RATE,
    LATE_END_WAIT,
    PING_INTERVAL,
    SAID_AGAIN,
)
from bridge.wire.rate import TokenBucket
from bridge.wire.resumption import Resumption


class LegCall:
    """State of one call."""

    def __init__(
        self, facts: CallFacts, agent: AgentSpec, now: float, *, relayed: bool = False
    ) -> None:
        """`relayed`: the gateway is not at the other end of the connection, so only an answer of
        its own tells that it is alive."""
        self.sid = facts.sid
        self.stats = LegStats()
        self.opened = False
        self.ended = False
        self._facts, self._agent = facts, agent
        self._break = Resumption()
        self._comeback = Comeback(relayed)
        self._outgoing = Outgoing(encode_open(facts, agent), self._break, self.stats)
        frame_secs = codec.frame_secs(agent.model_codec, agent.output_rate_hz)
        self._replies = Replies(self.stats, frame_secs, by_stream=agent.audio_delivery == "stream")
        self._control_rate = TokenBucket(CONTROL_BURST, CONTROL_RATE, now)
        self._audio_rate = TokenBucket(DOWNLINK_BURST, DOWNLINK_RATE, now)
        self._open_deadline: float | None = now + agent.open_timeout_secs
        self._relayed = relayed
        self._ping_at: float | None = None
        self._heard_at = now
        self._end_deadline: float | None = None
        """When the gateway is done with the call: until when its last message may come."""

    # --- a break of the connection -----------------------------------------------------------

    @property
    def lost(self) -> bool:
        """The call waits for a connection, or for the gateway to take it up on one."""
        return self._break.lost

    @property
    def behind(self) -> bool:
        """Audio waits, or has waited, for a connection."""
        return self._outgoing.behind

    @property
    def attempt(self) -> int:
        """Which of the call's tracks are the present ones."""
        return self._comeback.attempt

    @property
    def asks_anew(self) -> bool:
        """Whether the call is to `resume` on other tracks of a connection that stands."""
        return self._comeback.wanted

    def lose(self, now: float) -> bool:
        """The connection is gone. Returns whether the call waits for another; if not, fail it."""
        known = self._break.lost
        if self.ended or not self._break.lose(now):
            return False
        self.stats.breaks += not known
        self._ping_at = self._end_deadline = None
        self._comeback.stop()
        self._outgoing.ask_again(None)
        return True

    @property
    def resumable(self) -> bool:
        """Whether `lose` would not end it."""
        return self.ended or bool(self._break.token)

    def begin_again(self) -> bool:
        """The connection never stood. Returns whether the call may begin on another: nothing but
        its `open` was said, and nobody has answered that."""
        if self.opened or self.ended:
            return False
        self._outgoing.begin_again()
        return True

    def postpone(self, now: float, heard_at: float) -> None:
        """Nothing comes at all, the last at `heard_at`: what is missing is waited for anew."""
        self._replies.postpone(now, heard_at)

    def resume(self, now: float) -> None:
        """There are to be new tracks: the first message on them asks to go on."""
        self._comeback.begin(now)
        replies, outgoing = self._replies, self._outgoing
        turn, next_frame = replies.position
        unanswered = outgoing.unanswered(replies.unheard)
        again = messages.Again(
            token=self._break.token,
            received=self._break.received,
            turn=turn,
            next_frame=next_frame,
            first_seq=outgoing.first_seq,
            committed=replies.committed if unanswered is None else max(0, unanswered - 1),
        )
        outgoing.ask_again(encode_open(self._facts, self._agent, again))

    def _go_on(self, resumed: messages.Resumed, now: float) -> list[ModelEvent]:
        self._break.received -= 1
        self._control_rate.spare(SAID_AGAIN)
        self._outgoing.go_on(resumed)
        self._replies.restart(now)
        return self._found_again(now, "connection_resumed", "the call went on")

    def _start_over(self, now: float) -> list[ModelEvent]:
        """The gateway has forgotten the call, and has taken it as a new one."""
        self._outgoing.start_over(self._replies.unheard)
        events = self._replies.break_off()
        return events + self._found_again(now, "model_restarted", "the call began anew")

    def _found_again(self, now: float, code: str, what: str) -> list[ModelEvent]:
        gap = self._break.found(now)
        self._comeback.stop()
        self.stats.break_secs += gap
        if self._relayed:
            self._heard_at, self._ping_at = now, now + PING_INTERVAL
        return [Noticed(code, f"{what} after {gap:.1f} s without a connection")]

    # --- what the bridge says ----------------------------------------------------------------

    def append(self, seq: int, timestamp: int, payload: bytes) -> None:
        if self.ended:
            return
        if not self.opened:
            self.stats.uplink_unopened += 1
            return
        self._outgoing.append(audio.UplinkFrame(seq, timestamp, payload))
        self.stats.uplink_frames += 1

    def prime(self, turn: int) -> None:
        self._say(messages.Prime(turn=turn))

    def commit(self, turn: int, last_seq: int) -> None:
        self._replies.ask(turn)
        self._say(messages.Commit(turn=turn, last_seq=last_seq))

    def no_input(self, turn: int) -> None:
        self._replies.ask(turn)
        self._say(messages.NoInput(turn=turn))

    def cancel(self, turn: int, heard_ms: int) -> None:
        self._replies.cancel(turn)
        self._say(messages.Cancel(turn=turn, heard_ms=heard_ms))

    def answered(self) -> None:
        self._say(messages.Answered())

    def dtmf(self, digit: str, duration_ms: int) -> None:
        self._say(messages.Dtmf(digit=digit, duration_ms=min(duration_ms, 60_000)))

    def hold(self, on: bool) -> None:
        self._say(messages.Hold(on=on))

    def transfer_progress(self, state: TransferState, code: int, reason: str) -> None:
        self._say(messages.TransferProgress(state=state, code=code, reason=cut(reason)))

    def playout(self, turn: int, played_ms: int) -> None:
        self._say(messages.Playout(turn=turn, played_ms=played_ms))

    def close(self, reason: str) -> None:
        self._say(messages.Close(reason=reason[:256]))
        self._end()

    # --- what the wire says ------------------------------------------------------------------

    def receive_message(self, body: bytes, now: float) -> list[ModelEvent]:
        """The next message of the events track."""
        if self.ended:
            return []
        self._break.received += 1
        try:
            if not self._control_rate.take(now):
                raise WireError(ErrorCode.FLOOD, "too many control messages")
            return self._on_message(control.decode_from_gateway(body), now)
        except WireError as error:
            return self.fail(error.code, error.message)

    def receive_end(self, now: float) -> list[ModelEvent]:
        """There are no more messages: a gateway says so before, a relay may have lost it."""
        if self._asking:
            self._comeback.failed(now)
            return []
        why = "the gateway ended the call without a message"
        return self._break_off(ErrorCode.CLOSED_EARLY, why, now)

    def expect_end(self, now: float) -> None:
        """The gateway is done with the call; its last message may be on its way."""
        if self._asking:
            self._comeback.failed(now)
        elif not self.ended and self._end_deadline is None:
            self._end_deadline = now + LATE_END_WAIT

    def taken(self, now: float) -> None:
        """A gateway publishes its half of the present tracks."""
        self._comeback.taken(now)

    def refused(self, code: ErrorCode, message: str, now: float) -> list[ModelEvent]:
        """One of the present tracks is not taken."""
        if self._asking and code is not ErrorCode.UNAUTHORIZED:
            self._comeback.failed(now)
            return []
        return self.fail(code, message)

    def receive_audio(self, frame: audio.DownlinkFrame, now: float) -> list[ModelEvent]:
        if self.ended:
            return []
        if not self._audio_rate.take(now):
            return self.fail(ErrorCode.FLOOD, "audio further ahead than 120 s of real time")
        self._heard_at = now
        if not self.opened:
            self.stats.fenced += 1
            return []
        return self._replies.receive_audio(frame, now)

    def expire(self, now: float) -> list[ModelEvent]:
        """Call at `deadline`, or at any time."""
        if self._open_deadline is not None and now >= self._open_deadline:
            return self.fail(ErrorCode.OPEN_TIMEOUT, "the agent did not take the call in time")
        waits_until = self._break.deadline
        if waits_until is not None:
            if now < waits_until:
                self._comeback.expire(now)
                return []
            return self.fail(ErrorCode.CONNECTION_LOST, f"no connection for {self._break.secs} s")
        if self._ping_at is not None and now >= self._ping_at:
            # A stall of this process is no silence of the other side.
            self._heard_at += max(0.0, now - self._ping_at - PING_INTERVAL)
            if now - self._heard_at > DEAD_AFTER:
                why = f"no sign of life for {DEAD_AFTER} s behind the relay"
                return self._break_off(ErrorCode.CONNECTION_LOST, why, now)
            self._ping_at = now + PING_INTERVAL
            self._say(messages.Ping())
        if self._end_deadline is not None and now >= self._end_deadline:
            return self.receive_end(now)
        return [] if self.ended else self._replies.expire(now)

    @property
    def deadline(self) -> float | None:
        """When `expire` has something to do."""
        if self.ended:
            return None
        times: tuple[float | None, ...] = (self._break.deadline, self._comeback.due)
        if not self._break.lost:
            times = (self._open_deadline, self._ping_at, self._end_deadline, self._replies.deadline)
        return min((t for t in times if t is not None), default=None)

    def fail(self, code: str, message: str) -> list[ModelEvent]:
        """End the call for a reason that the bridge must hear; tells the gateway too."""
        if self.ended:
            return []
        self._say(messages.Close(reason=f"{code}: {message}"[:256]))
        self._end()
        return [LegFailed(code=str(code), message=message)]

    # --- what is to be sent ------------------------------------------------------------------

    @property
    def has_messages(self) -> bool:
        return self._outgoing.has_messages

    def take_messages(self) -> tuple[list[bytes], bool]:
        """Messages for the control track, and whether they are its last."""
        return self._outgoing.take_messages()

    def take_audio(self) -> list[audio.UplinkFrame]:
        """Frames, in order; after a break a few at a time."""
        return self._outgoing.take_audio()

    # --- inside ------------------------------------------------------------------------------

    def _say(self, message: messages.Message) -> None:
        if not self.ended:
            at_once = self.opened or isinstance(message, messages.Close)
            self._outgoing.say(message, at_once=at_once)

    def _end(self) -> None:
        self.ended = self._outgoing.finished = True
        self._replies.drop()
        self._open_deadline = None
        self._end_deadline = self._ping_at = None
        self._comeback.stop()

    @property
    def _asking(self) -> bool:
        """Lost behind a relay, with more than one try to find the way back."""
        return self._break.lost and self._comeback.asking

    def _break_off(self, code: ErrorCode, message: str, now: float) -> list[ModelEvent]:
        """Behind the relay nobody seems to be there: perhaps for a while only."""
        if not (self._relayed and self.lose(now)):
            return self.fail(code, message)
        self._comeback.at_once()
        return []

    def _on_message(self, message: messages.FromGateway, now: float) -> list[ModelEvent]:
        self._heard_at = now
        match message:
            case messages.Error(code=ErrorCode.DUPLICATE_CALL) if self._asking:
                # It has yet to learn that what it has of the call is nobody's any more.
                self._break.received -= 1
                self._comeback.failed(now)
                return []
            case messages.Error(code=code, message=text):
                return self.fail(code, text)
            case messages.Close(reason=reason):
                return self.fail(ErrorCode.CLOSED_EARLY, reason or "the agent ended the call")
            case messages.Resumed() if self._break.lost:
                return self._go_on(message, now)
            case messages.Opened() if self._break.lost:
                self._break.offer(message.resume, message.resume_secs)
                return self._start_over(now)
            case messages.Opened() if not self.opened:
                self._break.offer(message.resume, message.resume_secs)
                self.opened = True
                self._open_deadline = None
                if self._relayed:
                    self._ping_at = now + PING_INTERVAL
                self._outgoing.release()
                return [Opened(sip_headers=dict(message.sip_headers))]
            case messages.Opened() | messages.Resumed():
                raise WireError(ErrorCode.PROTOCOL_VIOLATION, f"{message.type} out of place")
            case _ if not self.opened or self._break.lost:
                raise WireError(ErrorCode.PROTOCOL_VIOLATION, f"{message.type} out of place")
            case messages.ReplyEnd(turn=turn, frames=frames):
                return self._replies.receive_end(turn, frames, now)
            case messages.Transcript(role=role, text=text, turn=turn, final=final):
                return [Transcript(role=role, text=text, turn=turn, final=final)]
            case messages.Hangup(reason=reason, sip_headers=headers):
                return [HangupAsked(reason, dict(headers))]
            case messages.Transfer(target=target, attended=attended, sip_headers=headers):
                return [TransferAsked(target, attended, dict(headers))]
            case messages.CompleteTransfer() | messages.CancelTransfer():
                return [TransferDecided(isinstance(message, messages.CompleteTransfer))]
            case messages.Hold(on=on):
                return [HoldAsked(on)]
            case messages.SendDtmf(digits=digits):
                return [DtmfAsked(digits)]
            case messages.ToolCall(name=name, arguments=arguments, turn=turn):
                return [ToolCalled(name, arguments, turn)]
            case messages.Usage():
                used = (message.input_tokens, message.output_tokens)
                return [UsageReported(message.turn, *used, dict(message.details))]
            case messages.Notice(code=code, message=text):
                return [Noticed(code, text)]
            case messages.Pong():
                return []
        raise AssertionError(message)
