"""The plugin's end of one call on the wire: state and rules, no I/O.

The shell feeds what arrived and the time, hands on the events, and sends what `take_messages`
and `take_audio` give. Rules by name in docs/wire.md.
"""

from collections import deque
from dataclasses import asdict, dataclass, field

from bridge.agent import AgentSpec
from bridge.leg.interface import (
    CallFacts,
    DtmfAsked,
    HangupAsked,
    HoldAsked,
    LegFailed,
    ModelEvent,
    Noticed,
    Opened,
    ReplyAudio,
    ReplyEnd,
    ToolCalled,
    Transcript,
    TransferAsked,
    TransferDecided,
    TransferState,
    UsageReported,
)
from bridge.wire import audio, control, messages
from bridge.wire.errors import ErrorCode, WireError
from bridge.wire.history import MessageHistory
from bridge.wire.limits import (
    CATCH_UP_FRAMES,
    CONTROL_BURST,
    CONTROL_RATE,
    DEAD_AFTER,
    DOWNLINK_BURST,
    DOWNLINK_RATE,
    LATE_AUDIO_WAIT,
    LATE_END_WAIT,
    MAX_GAP_FRAMES,
    PING_INTERVAL,
    RECENT_FRAMES,
)
from bridge.wire.rate import TokenBucket
from bridge.wire.reorder import Reorder, TrackStats


@dataclass(slots=True)
class LegStats:
    """One call's counters on the plugin's side."""

    uplink_frames: int = 0
    uplink_unopened: int = 0
    """Frames not sent, since the agent had not taken the call yet."""
    breaks: int = 0
    """Breaks of the connection that the call has outlived, or was ended by."""
    break_secs: float = 0.0
    """Without a connection, all together."""
    uplink_shed: int = 0
    """Frames not sent, since the path took less than was said."""
    downlink: TrackStats = field(default_factory=TrackStats)
    fenced: int = 0
    """Frames of a reply that was cancelled, superseded or had ended."""
    uncommitted: int = 0
    """Frames that answer a turn which was never committed."""

    def flat(self) -> dict[str, float]:
        """By name, those of the downlink track with its name before theirs."""
        own = asdict(self)
        track = own.pop("downlink")
        return own | {f"downlink_{name}": count for name, count in track.items()}


class _Reply:
    """The reply that is coming in."""

    def __init__(self, turn: int, stats: TrackStats) -> None:
        self.turn = turn
        self.order: Reorder[audio.DownlinkFrame] = Reorder(stats)
        self.frames: int | None = None
        self.end_deadline: float | None = None


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
        self._messages = [_encode_open(facts, agent)]
        self._held: list[bytes] = []
        """What the agent is told once it has taken the call: a fast callee answers before."""
        self._finish = False
        self._audio: deque[audio.UplinkFrame] = deque()
        self._control_rate = TokenBucket(CONTROL_BURST, CONTROL_RATE, now)
        self._audio_rate = TokenBucket(DOWNLINK_BURST, DOWNLINK_RATE, now)
        self._committed = 0
        self._fence = -1
        """Replies to this turn and before it are over."""
        self._reply: _Reply | None = None
        self._open_deadline: float | None = now + agent.open_timeout_secs
        self._relayed = relayed
        self._ping_at: float | None = None
        self._heard_at = now
        self._end_deadline: float | None = None
        """When the gateway is done with the call: until when its last message may come."""

        self._received = 0
        """Messages taken, for a gateway that has to say again what a break swallowed."""
        self._history = MessageHistory()
        self._recent: deque[audio.UplinkFrame] = deque(maxlen=RECENT_FRAMES)
        """Frames that have left, likewise."""
        self._resume_token, self._resume_secs = "", 0
        self._lost_at: float | None = None
        """Since when there is no connection, or none on which the call goes on."""
        self._catching_up = False
        """Audio of a break is on its way, faster than real time."""
        self._ask_again: bytes | None = None
        self._answered = False
        self._last_ask: bytes | None = None
        """The commit, or what stands for one, that was said last."""

    # --- a break of the connection -----------------------------------------------------------

    @property
    def lost(self) -> bool:
        """The call waits for a connection, or for the gateway to take it up on one."""
        return self._lost_at is not None

    @property
    def behind(self) -> bool:
        """Audio waits, or has waited, for a connection."""
        return self._lost_at is not None or self._catching_up

    def lose(self, now: float) -> bool:
        """The connection is gone. Returns whether the call waits for another; if not, fail it."""
        if self.ended or not self._resume_token:
            return False
        if self._lost_at is None:
            self._lost_at = now
            self.stats.breaks += 1
        self._ask_again = None
        return True

    def postpone(self, now: float) -> None:
        """Nothing comes at all: the waits for what is missing begin anew."""
        if self._reply is not None:
            self._reply.order.restart(now)
            if self._reply.frames is not None:
                self._reply.end_deadline = now + LATE_AUDIO_WAIT

    def resume(self) -> None:
        """There is a new connection: the first message asks to go on."""
        reply, audio_left = self._reply, [*self._recent, *self._audio][-MAX_GAP_FRAMES:]
        again = messages.Again(
            token=self._resume_token,
            received=self._received,
            turn=reply.turn if reply is not None else self._fence + 1,
            next_frame=reply.order.next_seq if reply is not None else 0,
            first_seq=audio_left[0].seq if audio_left else 0,
            committed=max(0, self._unanswered() - 1),
        )
        self._ask_again = _encode_open(self._facts, self._agent, again)

    def _unanswered(self) -> int:
        """The first turn that a gateway which has forgotten the call is asked about."""
        asked = [
            message.turn
            for message in map(control.decode_from_plugin, self._outstanding())
            if isinstance(message, messages.Commit | messages.NoInput)
        ]
        return min(asked, default=self._committed + 1)

    def _outstanding(self) -> list[bytes]:
        """What is said again to a gateway that has forgotten the call: the commit whose reply has
        not begun, and what was said since the break."""
        unheard = self._reply is None and self._fence < self._committed
        last = [self._last_ask] if unheard and self._last_ask is not None else []
        return [body for body in last if body not in self._messages] + self._messages

    def _go_on(self, resumed: messages.Resumed, now: float) -> list[ModelEvent]:
        self._messages = self._history.after(resumed.received) + self._messages
        again = [frame for frame in self._recent if frame.seq >= resumed.next_seq]
        self._recent.clear()
        self._audio.extendleft(reversed(again))
        self.postpone(now)
        return self._found_again(now, "connection_resumed", "the call went on")

    def _start_over(self, now: float) -> list[ModelEvent]:
        """The gateway has forgotten the call, and has taken it as a new one."""
        outstanding = self._outstanding()
        answered = [control.encode(messages.Answered())] if self._answered else []
        self._messages = [*answered, *outstanding]
        self._history = MessageHistory()
        self._history.add([b""])  # its `open`
        self._received = 1
        left = [*self._recent, *self._audio][-MAX_GAP_FRAMES:]
        self._recent.clear()
        self._audio = deque(left)
        events: list[ModelEvent] = []
        reply, self._reply = self._reply, None
        if reply is not None:
            self._fence = max(self._fence, reply.turn)
            events.append(ReplyEnd(turn=reply.turn, frames=reply.order.next_seq))
        return events + self._found_again(now, "model_restarted", "the call began anew")

    def _found_again(self, now: float, code: str, what: str) -> list[ModelEvent]:
        assert self._lost_at is not None
        gap = now - self._lost_at
        self.stats.break_secs += gap
        self._lost_at = None
        self._catching_up = True
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
        self._audio.append(audio.UplinkFrame(seq, timestamp, payload))
        self.stats.uplink_frames += 1
        if self.behind and len(self._audio) > MAX_GAP_FRAMES:
            self._audio.popleft()
            self.stats.uplink_shed += 1

    def prime(self, turn: int) -> None:
        self._say(messages.Prime(turn=turn))

    def commit(self, turn: int, last_seq: int) -> None:
        self._ask(turn)
        self._say(messages.Commit(turn=turn, last_seq=last_seq))

    def no_input(self, turn: int) -> None:
        self._ask(turn)
        self._say(messages.NoInput(turn=turn))

    def _ask(self, turn: int) -> None:
        """From now on only a reply to `turn` is wanted."""
        if turn <= self._committed:
            raise ValueError(f"commit of turn {turn} after turn {self._committed}")
        self._committed = turn
        self._fence = max(self._fence, turn - 1)
        self._drop_fenced()

    def cancel(self, turn: int, heard_ms: int) -> None:
        if turn > self._committed:
            raise ValueError(f"cancel of turn {turn}, only {self._committed} was committed")
        self._fence = max(self._fence, turn)
        self._drop_fenced()
        self._say(messages.Cancel(turn=turn, heard_ms=heard_ms))

    def answered(self) -> None:
        self._answered = True
        self._say(messages.Answered())

    def dtmf(self, digit: str, duration_ms: int) -> None:
        self._say(messages.Dtmf(digit=digit, duration_ms=min(duration_ms, 60_000)))

    def hold(self, on: bool) -> None:
        self._say(messages.Hold(on=on))

    def transfer_progress(self, state: TransferState, code: int, reason: str) -> None:
        self._say(messages.TransferProgress(state=state, code=code, reason=_cut(reason)))

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
        self._received += 1
        try:
            if not self._control_rate.take(now):
                raise WireError(ErrorCode.FLOOD, "too many control messages")
            return self._on_message(control.decode_from_gateway(body), now)
        except WireError as error:
            return self.fail(error.code, error.message)

    def receive_end(self) -> list[ModelEvent]:
        """There are no more messages."""
        return self.fail(ErrorCode.CLOSED_EARLY, "the gateway ended the call without a message")

    def expect_end(self, now: float) -> None:
        """The gateway is done with the call; its last message may be on its way."""
        if not self.ended and self._end_deadline is None:
            self._end_deadline = now + LATE_END_WAIT

    def receive_audio(self, frame: audio.DownlinkFrame, now: float) -> list[ModelEvent]:
        if self.ended:
            return []
        if not self._audio_rate.take(now):
            return self.fail(ErrorCode.FLOOD, "audio further ahead than 120 s of real time")
        self._heard_at = now
        if frame.turn <= self._fence or not self.opened:
            self.stats.fenced += 1
            return []
        if frame.turn > self._committed:
            self.stats.uncommitted += 1
            return []
        reply = self._reply_to(frame.turn)
        if reply.frames is not None:
            if frame.seq >= reply.frames:
                self.stats.fenced += 1
                return []
            reply.end_deadline = now + LATE_AUDIO_WAIT
        events = [_reply_audio(f) for f in reply.order.push(frame, now)]
        return events + self._end_of_reply(reply, now)

    def expire(self, now: float) -> list[ModelEvent]:
        """Call at `deadline`, or at any time."""
        if self._open_deadline is not None and now >= self._open_deadline:
            return self.fail(ErrorCode.OPEN_TIMEOUT, "the agent did not take the call in time")
        if self._lost_at is not None:
            if now < self._lost_at + self._resume_secs:
                return []
            return self.fail(ErrorCode.CONNECTION_LOST, f"no connection for {self._resume_secs} s")
        if self._ping_at is not None and now >= self._ping_at:
            # A stall of this process is no silence of the other side.
            self._heard_at += max(0.0, now - self._ping_at - PING_INTERVAL)
            if now - self._heard_at > DEAD_AFTER:
                return self.fail(
                    ErrorCode.CONNECTION_LOST,
                    f"no sign of life for {DEAD_AFTER} s behind the relay",
                )
            self._ping_at = now + PING_INTERVAL
            self._say(messages.Ping())
        if self._end_deadline is not None and now >= self._end_deadline:
            return self.receive_end()
        reply = self._reply
        if self.ended or reply is None:
            return []
        events = [_reply_audio(f) for f in reply.order.expire(now)]
        return events + self._end_of_reply(reply, now)

    @property
    def deadline(self) -> float | None:
        """When `expire` has something to do."""
        if self.ended:
            return None
        if self._lost_at is not None:
            return self._lost_at + self._resume_secs
        times = [self._open_deadline, self._ping_at, self._end_deadline]
        if self._reply is not None:
            times += [self._reply.order.deadline, self._reply.end_deadline]
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
        return bool(self._messages) or self._finish

    def take_messages(self) -> tuple[list[bytes], bool]:
        """Messages for the control track, and whether they are its last."""
        if self._lost_at is not None:
            asked, self._ask_again = self._ask_again, None
            out = [asked] if asked is not None else []
            if self.ended:
                out += self._messages[-1:]
            return out, self._finish
        if self._catching_up and not self.ended:
            return [], False  # what is said belongs behind the audio of the gap
        out, self._messages = self._messages, []
        self._history.add(out)
        return out, self._finish

    def take_audio(self) -> list[audio.UplinkFrame]:
        """Frames, in order; after a break a few at a time."""
        if self._lost_at is not None:
            return []
        count = len(self._audio)
        if self._catching_up:
            self._catching_up = count > CATCH_UP_FRAMES
            count = min(count, CATCH_UP_FRAMES)
        out = [self._audio.popleft() for _ in range(count)]
        self._recent.extend(out)
        return out

    # --- inside ------------------------------------------------------------------------------

    def _say(self, message: messages.Message) -> None:
        if self.ended:
            return
        at_once = self.opened or isinstance(message, messages.Close)
        body = control.encode(message)
        (self._messages if at_once else self._held).append(body)
        if isinstance(message, messages.Commit | messages.NoInput):
            self._last_ask = body

    def _end(self) -> None:
        self.ended = True
        self._finish = True
        self._reply = None
        self._open_deadline = None
        self._end_deadline = self._ping_at = None

    def _on_message(self, message: messages.FromGateway, now: float) -> list[ModelEvent]:
        self._heard_at = now
        match message:
            case messages.Error(code=code, message=text):
                return self.fail(code, text)
            case messages.Close(reason=reason):
                return self.fail(ErrorCode.CLOSED_EARLY, reason or "the agent ended the call")
            case messages.Resumed() if self._lost_at is not None:
                self._received -= 1
                return self._go_on(message, now)
            case messages.Opened() if self._lost_at is not None:
                self._keep_token(message)
                return self._start_over(now)
            case messages.Opened() if not self.opened:
                self._keep_token(message)
                self.opened = True
                self._open_deadline = None
                if self._relayed:
                    self._ping_at = now + PING_INTERVAL
                self._messages += self._held
                self._held.clear()
                return [Opened()]
            case messages.Opened() | messages.Resumed():
                raise WireError(ErrorCode.PROTOCOL_VIOLATION, f"{message.type} out of place")
            case _ if not self.opened or self._lost_at is not None:
                raise WireError(ErrorCode.PROTOCOL_VIOLATION, f"{message.type} out of place")
            case messages.ReplyEnd(turn=turn, frames=frames):
                return self._on_reply_end(turn, frames, now)
            case messages.Transcript(role=role, text=text, turn=turn, final=final):
                return [Transcript(role=role, text=text, turn=turn, final=final)]
            case messages.Hangup(reason=reason):
                return [HangupAsked(reason)]
            case messages.Transfer(target=target, attended=attended):
                return [TransferAsked(target, attended)]
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

    def _keep_token(self, opened: messages.Opened) -> None:
        self._resume_token, self._resume_secs = opened.resume, opened.resume_secs

    def _on_reply_end(self, turn: int, frames: int, now: float) -> list[ModelEvent]:
        if turn > self._committed:
            raise WireError(ErrorCode.PROTOCOL_VIOLATION, f"reply_end for uncommitted turn {turn}")
        if turn <= self._fence:
            return []
        reply = self._reply_to(turn)
        if reply.frames is not None or frames < reply.order.next_seq:
            raise WireError(ErrorCode.PROTOCOL_VIOLATION, f"reply_end contradicts turn {turn}")
        reply.frames = frames
        reply.end_deadline = now + LATE_AUDIO_WAIT
        return self._end_of_reply(reply, now)

    def _reply_to(self, turn: int) -> _Reply:
        if self._reply is None:
            self._reply = _Reply(turn, self.stats.downlink)
        return self._reply

    def _end_of_reply(self, reply: _Reply, now: float) -> list[ModelEvent]:
        """The end, once every frame was delivered, or the missing ones are overdue."""
        if reply.frames is None or reply.end_deadline is None:
            return []
        events: list[ModelEvent] = []
        if reply.order.next_seq < reply.frames:
            if now < reply.end_deadline:
                return []
            events += [_reply_audio(f) for f in reply.order.skip_to(reply.frames)]
        self._fence = reply.turn
        self._reply = None
        return [*events, ReplyEnd(turn=reply.turn, frames=reply.frames)]

    def _drop_fenced(self) -> None:
        if self._reply is not None and self._reply.turn <= self._fence:
            self._reply = None


def _reply_audio(frame: audio.DownlinkFrame) -> ReplyAudio:
    return ReplyAudio(frame.turn, frame.seq, frame.timestamp, frame.payload)


def _encode_open(facts: CallFacts, agent: AgentSpec, again: messages.Again | None = None) -> bytes:
    """The first message. Caller, called and headers come from the network: cut to what the wire
    takes, last headers first."""
    headers = [(_cut(name), _cut(value)) for name, value in facts.headers.items()]
    del headers[messages.MAX_HEADERS :]
    while True:
        message = messages.Open(
            sid=facts.sid,
            agent=agent.agent,
            token=agent.token_for(facts.sid),
            direction=facts.direction,  # type: ignore[arg-type]
            caller=_cut(facts.caller),
            called=_cut(facts.called),
            headers=dict(headers),
            codec=agent.model_codec,
            input_rate_hz=agent.input_rate_hz,
            output_rate_hz=agent.output_rate_hz,
            greeting=agent.greeting,
            greets_first=agent.greets_first,
            again=again,
            audio_delivery=agent.audio_delivery,
        )
        try:
            return control.encode(message)
        except WireError:
            if not headers:
                raise
            headers.pop()


def _cut(text: str) -> str:
    return text[:256].encode("utf-8", "replace").decode()
