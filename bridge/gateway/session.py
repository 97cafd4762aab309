"""The gateway's end of one call on the wire: state and rules, no I/O.

The shell feeds what arrived and the time, hands on the events, and sends what `take_messages`
and `next_frame` give. Rules by name in docs/wire.md.
"""

from collections import deque
from dataclasses import dataclass, field

from bridge import codec
from bridge.audio.frames import FRAME_MS
from bridge.gateway.events import (
    AgentEvent,
    Answered,
    CallerAudio,
    Cancelled,
    Committed,
    Digit,
    Ended,
    Held,
    NoInput,
    Played,
    Primed,
    TransferProgress,
)
from bridge.gateway.voice import Frame, Voice
from bridge.wire import audio, control, messages
from bridge.wire.errors import ErrorCode, WireError
from bridge.wire.history import MessageHistory
from bridge.wire.limits import (
    CONTROL_BURST,
    CONTROL_RATE,
    LATE_AUDIO_WAIT,
    LATE_END_WAIT,
    MAX_SEQ_JUMP,
    MAX_WAITING_MESSAGES,
    OPEN_WAIT,
    PEER_SILENT_AFTER,
    RECENT_FRAMES,
    UPLINK_BURST,
    UPLINK_RATE,
)
from bridge.wire.rate import TokenBucket
from bridge.wire.reorder import Reorder, TrackStats


@dataclass(frozen=True, slots=True)
class Asked:
    """The plugin asks for a call: answer with `accept` or `refuse`."""

    open: messages.Open


@dataclass(slots=True)
class SessionStats:
    """One call's counters on the gateway's side."""

    uplink: TrackStats = field(default_factory=TrackStats)
    downlink_frames: int = 0
    fenced: int = 0
    """Frames thrown away since their reply was cancelled or superseded."""
    breaks: int = 0
    """Breaks of the connection that the call has outlived."""
    commits_waited: int = 0
    """Commits that came before the last of their audio."""


class _Reply:
    """A reply that is being spoken: whole frames wait here until the path takes them."""

    def __init__(self, turn: int, voice: Voice) -> None:
        self.turn = turn
        self.voice = voice
        self.frames: deque[Frame] = deque()
        self.next_seq = 0
        self.timestamp = 0
        self.complete = False


class Session:
    """State of one call."""

    def __init__(self, now: float) -> None:
        self.stats = SessionStats()
        self.open: messages.Open | None = None
        self.ended = False
        self.accepted = False
        """The agent has taken the call."""
        self._messages: list[bytes] = []
        self._control_rate = TokenBucket(CONTROL_BURST, CONTROL_RATE, now)
        self._audio_rate = TokenBucket(UPLINK_BURST, UPLINK_RATE, now)
        self._open_deadline: float | None = now + OPEN_WAIT
        self._silent_at: float | None = None
        """When a plugin behind a relay, which pings, is dead."""
        self._end_deadline: float | None = None
        """When the plugin is done with the call: until when its last message may come."""
        self._order: Reorder[audio.UplinkFrame] = Reorder(self.stats.uplink)
        self._ready: deque[audio.UplinkFrame] = deque()
        self._position = 0
        """Everything before this uplink frame was handed on or given up."""
        self._missing = 0
        self._waiting: deque[messages.FromPlugin] = deque()
        self._waiting_until = 0.0
        self._answered = False
        self._committed = 0
        self._announced = 0
        """Last commit that the agent was given."""
        self._fence = -1
        self.cut = -1
        """What was sent of replies to this turn and before it is not wanted any more."""
        self._reply: _Reply | None = None

        self._received = 0
        """Messages taken, for a plugin that has to say again what a break swallowed."""
        self._history = MessageHistory()
        self._first: list[bytes] = []
        """What is said before all else on a new connection."""
        self._recent: deque[audio.DownlinkFrame] = deque(maxlen=RECENT_FRAMES)
        """Frames that have left, likewise."""
        self._again: deque[audio.DownlinkFrame] = deque()
        """Those of them that leave once more."""
        self.resume_token = ""
        self._resume_secs = 0
        self._lost_at: float | None = None

    # --- a break of the connection -----------------------------------------------------------

    def lose(self, now: float) -> bool:
        """The connection is gone. Returns whether the call waits for another."""
        if self.ended or not self.resume_token:
            return False
        if self._lost_at is None:
            self._lost_at = now
        return True

    def postpone(self, now: float) -> None:
        """Nothing comes at all: the waits for what is missing begin anew."""
        self._order.restart(now)
        self._waiting_until = now + LATE_AUDIO_WAIT

    def resume(self, again: messages.Again, now: float) -> list[Asked | AgentEvent]:
        """The plugin has found its way back."""
        try:
            lacking = self._history.after(again.received)
        except WireError as error:
            return self.fail(error.code, error.message)
        self._lost_at = None
        resumed = messages.Resumed(received=self._received, next_seq=self._order.next_seq)
        self._first = [control.encode(resumed)]
        self._messages = lacking + self._messages
        here = (again.turn, again.next_frame)
        self._again.extend(f for f in self._recent if (f.turn, f.seq) >= here)
        self._recent.clear()
        self.postpone(now)
        self._end_deadline = None
        if self._silent_at is not None:
            self._silent_at = now + PEER_SILENT_AFTER
        self.stats.breaks += 1
        return self._pump(now)

    @property
    def resume_secs(self) -> int:
        """How long the call waits for another connection."""
        return self._resume_secs

    def _take_up(self, again: messages.Again) -> None:
        """A call that this gateway does not know goes on here."""
        self._order.next_seq = self._position = again.first_seq
        self._committed = self._announced = self._fence = again.committed

    # --- what the agent says -----------------------------------------------------------------

    def accept(
        self, now: float, resume_token: str = "", resume_secs: int = 0
    ) -> list[Asked | AgentEvent]:
        """The agent takes the call; returns what the plugin has said meanwhile. With a token the
        call outlives a break of the connection of so many seconds."""
        self.accepted = True
        self.resume_token, self._resume_secs = resume_token, resume_secs
        self._say(messages.Opened(resume=resume_token, resume_secs=resume_secs))
        return self._pump(now)

    def refuse(self, code: str, message: str) -> None:
        """End the call with an error: at its opening, or later."""
        if not self.ended:
            self._say(messages.Error(code=str(code), message=message[:512]))
            self._end()

    @property
    def backlog_ms(self) -> int:
        """Audio of the agent that the path has not taken yet."""
        if self.open is None:
            return 0
        frames = len(self._again) + (len(self._reply.frames) if self._reply is not None else 0)
        return frames * FRAME_MS // codec.frames_of(self.open.codec, self.open.output_rate_hz)

    @property
    def speaking(self) -> bool:
        """Whether a reply is under way, though nothing of it may wait now."""
        return self._reply is not None or bool(self._again)

    def may_speak(self, turn: int) -> bool:
        """Whether audio for `turn` would still go out."""
        return (
            self._answered
            and not self.ended
            and self._fence < turn <= self._announced
            and (self._reply is None or not self._reply.complete)
        )

    def speak(self, turn: int, pcm: bytes) -> bool:
        """Queue audio of the reply to `turn`, any length; False when it was thrown away."""
        if not self.may_speak(turn):
            self.stats.fenced += 1
            return False
        reply = self._reply_to(turn)
        reply.frames.extend(reply.voice.push(pcm))
        return True

    def speak_encoded(self, turn: int, data: bytes) -> bool:
        """The same for bytes in the call's codec, which must be G.711."""
        if not self.may_speak(turn):
            self.stats.fenced += 1
            return False
        reply = self._reply_to(turn)
        reply.frames.extend(reply.voice.push_encoded(data))
        return True

    def end_reply(self, turn: int) -> None:
        """The reply to `turn` has been spoken to its end."""
        if not self.may_speak(turn):
            return
        reply = self._reply_to(turn)
        reply.frames.extend(reply.voice.flush())
        reply.complete = True
        self._finish_reply()

    def transcript(self, role: str, text: str, turn: int, final: bool) -> None:
        self._say(
            messages.Transcript(
                role=role,  # type: ignore[arg-type]
                text=text[: messages.MAX_TRANSCRIPT],
                turn=turn,
                final=final,
            )
        )

    def tell(self, message: messages.Message) -> None:
        """Say something that has no part in turns and replies."""
        self._say(message)

    def hangup(self, reason: str) -> None:
        self._say(messages.Hangup(reason=reason[:256]))

    def transfer(self, target: str, attended: bool = False) -> None:
        self._say(messages.Transfer(target=target, attended=attended))

    def close(self, reason: str) -> None:
        self._say(messages.Close(reason=reason[:256]))
        self._end()

    # --- what the wire says ------------------------------------------------------------------

    def receive_message(self, body: bytes, now: float) -> list[Asked | AgentEvent]:
        """The next message of the control track."""
        if self.ended:
            return []
        self._received += 1
        try:
            if not self._control_rate.take(now):
                raise WireError(ErrorCode.FLOOD, "too many control messages")
            return self._on_message(control.decode_from_plugin(body), now)
        except WireError as error:
            return self.fail(error.code, error.message)

    def receive_end(self) -> list[Asked | AgentEvent]:
        """There are no more messages."""
        if self.ended:
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
        self._ready.extend(self._order.push(frame, now))
        return self._pump(now)

    def expire(self, now: float) -> list[Asked | AgentEvent]:
        """Call at `deadline`, or at any time."""
        if self._open_deadline is not None and now >= self._open_deadline:
            return self.fail(ErrorCode.OPEN_TIMEOUT, "no open message in time")
        if self._lost_at is not None:
            if now < self._lost_at + self._resume_secs:
                return []
            self.close("connection lost")
            return [Ended(str(ErrorCode.CONNECTION_LOST), "the plugin did not come back")]
        if self._silent_at is not None and now >= self._silent_at:
            return self.fail(ErrorCode.CONNECTION_LOST, "the plugin gave no sign of life")
        if self._end_deadline is not None and now >= self._end_deadline:
            return self.receive_end()
        if self.ended:
            return []
        self._ready.extend(self._order.expire(now))
        return self._pump(now)

    @property
    def deadline(self) -> float | None:
        """When `expire` has something to do."""
        if self.ended:
            return None
        if self._lost_at is not None:
            return self._lost_at + self._resume_secs
        times = [
            self._open_deadline,
            self._end_deadline,
            self._silent_at,
            self._order.deadline,
        ]
        if self._waiting and self.accepted:
            times.append(self._waiting_until)
        return min((t for t in times if t is not None), default=None)

    # --- what is to be sent ------------------------------------------------------------------

    def take_messages(self) -> tuple[list[bytes], bool]:
        """Messages for the events track, and whether they are its last."""
        if self._lost_at is not None:
            return [], self.ended
        out, self._messages = self._messages, []
        self._history.add(out)
        first, self._first = self._first, []
        return first + out, self.ended

    @property
    def starts_reply(self) -> bool:
        """The next frame is the first of a reply: somebody waits for it."""
        return not self._again and self._reply is not None and self._reply.next_seq == 0

    def next_frame(self) -> audio.DownlinkFrame | None:
        """The next frame of the agent's voice, or None when there is none."""
        if self._again:
            frame = self._again.popleft()
            self._recent.append(frame)
            return frame
        reply = self._reply
        if reply is None or not reply.frames:
            return None
        payload, samples = reply.frames.popleft()
        frame = audio.DownlinkFrame(reply.turn, reply.next_seq, reply.timestamp, payload)
        reply.next_seq += 1
        reply.timestamp += samples
        self._recent.append(frame)
        self.stats.downlink_frames += 1
        self._finish_reply()
        return frame

    # --- inside ------------------------------------------------------------------------------

    def _say(self, message: messages.Message) -> None:
        if not self.ended:
            self._messages.append(control.encode(message))

    def _end(self) -> None:
        self.ended = True
        self._open_deadline = None
        self._end_deadline = self._silent_at = None
        self._reply = None
        self._waiting.clear()
        self._ready.clear()

    def fail(self, code: ErrorCode, message: str) -> list[Asked | AgentEvent]:
        """End the call for what the plugin did."""
        if self.ended:
            return []
        self.refuse(code, message)
        return [Ended(str(code), message)]

    def _on_message(self, message: messages.FromPlugin, now: float) -> list[Asked | AgentEvent]:
        if isinstance(message, messages.Ping) and self.accepted:
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
            if message.again is not None:
                self._take_up(message.again)
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
        far = self._position + MAX_SEQ_JUMP
        if isinstance(message, messages.Commit) and message.last_seq > far:
            raise WireError(
                ErrorCode.PROTOCOL_VIOLATION, f"last_seq {message.last_seq} is far ahead"
            )
        if isinstance(message, messages.Cancel) and message.turn > self._committed:
            raise WireError(
                ErrorCode.PROTOCOL_VIOLATION, f"cancel of uncommitted turn {message.turn}"
            )
        is_retract = isinstance(message, messages.Cancel) and message.heard_ms == 0
        if is_retract and self._take_back(message.turn):
            return self._pump(now)
        if len(self._waiting) >= MAX_WAITING_MESSAGES:
            raise WireError(ErrorCode.FLOOD, "too many messages behind a commit")
        if not self._waiting:
            self._waiting_until = now + LATE_AUDIO_WAIT
        self._waiting.append(message)
        # What stops a reply, or asks for the next one, does not wait for late audio.
        hasty = isinstance(message, messages.Cancel | messages.Commit)
        earlier = message if hasty and len(self._waiting) > 1 else None
        events = self._pump(now, until=earlier)
        if self._waiting and self._waiting[-1] is message:
            self.stats.commits_waited += isinstance(message, messages.Commit)
        return events

    def _take_back(self, turn: int) -> bool:
        """Forget a commit that waits for its audio still: the turn goes on, and so does the wait
        for what was said in it. The agent is told neither of the commit nor of its end."""
        for message in self._waiting:
            if isinstance(message, messages.Commit) and message.turn == turn:
                self._waiting.remove(message)
                self._raise_fence(turn)
                return True
        return False

    def _pump(
        self, now: float, until: messages.FromPlugin | None = None
    ) -> list[Asked | AgentEvent]:
        """Hand on what is ready: audio, and messages each after the audio that belongs before
        it. Messages before `until` do not wait for late audio."""
        events: list[Asked | AgentEvent] = []
        while self.accepted:
            head = self._waiting[0] if self._waiting else None
            if head is until:
                until = None
            if isinstance(head, messages.Commit) and self._position <= head.last_seq:
                if not self._ready:
                    if until is None and now < self._waiting_until:
                        break
                    self._ready.extend(self._order.skip_to(head.last_seq + 1))
                if self._ready and self._ready[0].seq <= head.last_seq:
                    events.append(self._caller_audio())
                else:
                    self._advance_to(head.last_seq + 1)
            elif head is not None:
                self._waiting.popleft()
                self._waiting_until = now + LATE_AUDIO_WAIT
                events.append(self._hand_on(head))
            elif self._ready:
                events.append(self._caller_audio())
            else:
                break
        return events

    def _caller_audio(self) -> CallerAudio:
        frame = self._ready.popleft()
        missing = self._advance_to(frame.seq)
        self._position = frame.seq + 1
        return CallerAudio(frame.seq, frame.timestamp, frame.payload, missing)

    def _advance_to(self, seq: int) -> int:
        """Give up on what is missing before `seq`; returns how much that is."""
        missing = seq - self._position
        self._missing += missing
        self._position = seq
        return missing

    def _hand_on(self, message: messages.FromPlugin) -> AgentEvent:
        match message:
            case messages.Answered():
                self._answered = True
                return Answered()
            case messages.Prime(turn=turn):
                return Primed(turn)
            case messages.Commit(turn=turn, last_seq=last_seq):
                self._announce(turn)
                missing, self._missing = self._missing, 0
                return Committed(turn, last_seq, missing)
            case messages.NoInput(turn=turn):
                self._announce(turn)
                return NoInput(turn)
            case messages.Cancel(turn=turn, heard_ms=heard_ms):
                self._raise_fence(turn)
                return Cancelled(turn, heard_ms)
            case messages.Dtmf(digit=digit, duration_ms=duration_ms):
                return Digit(digit, duration_ms)
            case messages.Hold(on=on):
                return Held(on)
            case messages.TransferProgress(state=state, code=code, reason=reason):
                return TransferProgress(state, code, reason)
            case messages.Playout(turn=turn, played_ms=played_ms):
                return Played(turn, played_ms)
        raise AssertionError(message)

    def _announce(self, turn: int) -> None:
        """From now on the agent may reply to `turn`, and to none before it."""
        self._announced = turn
        self._answered = True
        self._raise_fence(turn - 1)

    def _raise_fence(self, turn: int) -> None:
        self.cut = max(self.cut, turn)
        self._fence = max(self._fence, turn)
        self._again = deque(f for f in self._again if f.turn > self._fence)
        if self._reply is not None and self._reply.turn <= self._fence:
            self.stats.fenced += len(self._reply.frames)
            self._reply = None

    def _reply_to(self, turn: int) -> _Reply:
        if self._reply is None:
            assert self.open is not None
            self._reply = _Reply(turn, Voice(self.open.codec, self.open.output_rate_hz))
        return self._reply

    def _finish_reply(self) -> None:
        """Say where the reply ended, once its last frame was taken."""
        reply = self._reply
        if reply is not None and reply.complete and not reply.frames:
            self._say(messages.ReplyEnd(turn=reply.turn, frames=reply.next_seq))
            self._fence = max(self._fence, reply.turn)
            self._reply = None
