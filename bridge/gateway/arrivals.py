"""What the plugin says of a call, in the order in which the agent is to get it.

A commit comes after the audio that it ends, and what follows a commit after it. Core without I/O;
docs/wire.md, "Late audio".
"""

from collections import deque
from collections.abc import Callable

from bridge.gateway.events import (
    AgentEvent,
    Answered,
    CallerAudio,
    Cancelled,
    Committed,
    Digit,
    Held,
    NoInput,
    Played,
    Primed,
    TransferProgress,
)
from bridge.gateway.stats import SessionStats
from bridge.wire import audio, messages
from bridge.wire.errors import ErrorCode, WireError
from bridge.wire.limits import LATE_AUDIO_WAIT, MAX_SEQ_JUMP, MAX_WAITING_MESSAGES
from bridge.wire.reorder import Reorder

_tuple = tuple.__new__
"""Makes a NamedTuple in a third of the time that its own constructor takes."""


class Arrivals:
    """One call's."""

    def __init__(self, stats: SessionStats) -> None:
        self._stats = stats
        self._order: Reorder[audio.UplinkFrame] = Reorder(stats.uplink)
        self._ready: deque[audio.UplinkFrame] = deque()
        self.decode: Callable[[bytes], bytes] = bytes
        """Makes PCM16 of a frame."""
        self._position = 0
        """Everything before this uplink frame was handed on or given up."""
        self._missing = 0
        self._waiting: deque[messages.FromPlugin] = deque()
        self._waiting_until = 0.0
        self._postponed_at: float | None = None
        """When what is waited for was."""
        self._accepted = False

    @property
    def next_seq(self) -> int:
        """The uplink frame that is wanted next."""
        return self._order.next_seq

    @property
    def deadline(self) -> float | None:
        """When `expire` has something to do."""
        if not self._waiting or not self._accepted:
            return self._order.deadline
        gap = self._order.deadline
        return self._waiting_until if gap is None else min(gap, self._waiting_until)

    def begin_at(self, seq: int) -> None:
        """The uplink of a call that another gateway has had begins there."""
        self._order.next_seq = self._position = seq

    def postpone(self, now: float, heard_at: float) -> None:
        """Nothing comes at all, the last at `heard_at`: the waits for what is missing begin anew.

        Unless something has come since they last did: the path works, and what is missing is late.
        A connection with one call that is held has nothing on it but a ping now and then.
        """
        if self._postponed_at is not None and heard_at > self._postponed_at:
            return
        self.restart(now)
        self._postponed_at = now

    def restart(self, now: float) -> None:
        """The waits for what is missing begin anew."""
        self._postponed_at = None
        self._order.restart(now)
        self._waiting_until = now + LATE_AUDIO_WAIT

    def drop(self) -> None:
        """The call is over."""
        self._waiting.clear()
        self._ready.clear()

    def accept(self, now: float) -> list[AgentEvent]:
        """The agent takes the call: returns what waits for it."""
        self._accepted = True
        return self._pump(now)

    # --- what comes --------------------------------------------------------------------------

    def receive_audio(self, frame: audio.UplinkFrame, now: float) -> list[AgentEvent]:
        frames = self._order.push(frame, now)
        in_order = len(frames) == 1 and frame.seq == self._position and self._accepted
        if in_order and not (self._waiting or self._ready):
            # Nearly always: it is next, and nothing waits.
            self._position += 1
            seq, timestamp, payload = frame
            return [_tuple(CallerAudio, (seq, timestamp, payload, 0, self.decode))]
        self._ready.extend(frames)
        return self._pump(now)

    def receive(self, message: messages.FromPlugin, now: float) -> list[AgentEvent]:
        """A message. Raises WireError when it refers to audio that will not come, or is one too
        many."""
        far = self._position + MAX_SEQ_JUMP
        if isinstance(message, messages.Commit) and message.last_seq > far:
            raise WireError(
                ErrorCode.PROTOCOL_VIOLATION, f"last_seq {message.last_seq} is far ahead"
            )
        if len(self._waiting) >= MAX_WAITING_MESSAGES:
            raise WireError(ErrorCode.FLOOD, "too many messages behind a commit")
        if not self._waiting:
            self._waiting_until = now + LATE_AUDIO_WAIT
        self._waiting.append(message)
        # What stops a reply, or asks for the next one, does not wait for late audio.
        hasty = isinstance(message, messages.Cancel | messages.Commit)
        earlier = message if hasty and len(self._waiting) > 1 else None
        out = self._pump(now, until=earlier)
        if self._waiting and self._waiting[-1] is message:
            self._stats.commits_waited += isinstance(message, messages.Commit)
        return out

    def take_back(self, turn: int, now: float) -> list[AgentEvent] | None:
        """Forget a commit that waits for its audio still: the turn goes on, and so does the wait
        for what was said in it. The agent is told neither of the commit nor of its end, but of
        what waited behind it. None when no such commit waits."""
        for message in self._waiting:
            if isinstance(message, messages.Commit) and message.turn == turn:
                self._waiting.remove(message)
                self._postponed_at = None
                return self._pump(now)
        return None

    def expire(self, now: float) -> list[AgentEvent]:
        """Give up on what is overdue."""
        self._ready.extend(self._order.expire(now))
        return self._pump(now)

    # --- inside ------------------------------------------------------------------------------

    def _pump(self, now: float, until: messages.FromPlugin | None = None) -> list[AgentEvent]:
        """What is ready: audio, and messages each after the audio that belongs before it.
        Messages before `until` do not wait for late audio."""
        out: list[AgentEvent] = []
        while self._accepted:
            head = self._waiting[0] if self._waiting else None
            if head is until:
                until = None
            if isinstance(head, messages.Commit) and self._position <= head.last_seq:
                if not self._ready:
                    if until is None and now < self._waiting_until:
                        break
                    self._ready.extend(self._order.skip_to(head.last_seq + 1))
                if self._ready and self._ready[0].seq <= head.last_seq:
                    out.append(self._caller_audio())
                else:
                    self._advance_to(head.last_seq + 1)
            elif head is not None:
                self._waiting.popleft()
                self._waiting_until = now + LATE_AUDIO_WAIT
                out.append(self._told(head))
            elif self._ready:
                out.append(self._caller_audio())
            else:
                break
        if out:
            self._postponed_at = None
        return out

    def _caller_audio(self) -> CallerAudio:
        frame = self._ready.popleft()
        missing = self._advance_to(frame.seq)
        self._position = frame.seq + 1
        return CallerAudio(frame.seq, frame.timestamp, frame.payload, missing, self.decode)

    def _advance_to(self, seq: int) -> int:
        """Give up on what is missing before `seq`; returns how much that is."""
        missing = seq - self._position
        self._missing += missing
        self._position = seq
        return missing

    def _told(self, message: messages.FromPlugin) -> AgentEvent:
        """A message as the agent learns of it."""
        match message:
            case messages.Answered():
                return Answered()
            case messages.Prime(turn=turn):
                return Primed(turn)
            case messages.Commit(turn=turn, last_seq=last_seq):
                missing, self._missing = self._missing, 0
                return Committed(turn, last_seq, missing)
            case messages.NoInput(turn=turn):
                return NoInput(turn)
            case messages.Cancel(turn=turn, heard_ms=heard_ms):
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
