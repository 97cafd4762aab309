"""The replies of a call as the plugin takes them: which is wanted, and its frames in order.

Fencing and early end, docs/wire.md: core without I/O.
"""

from bridge.leg.interface import ModelEvent, ReplyAudio, ReplyEnd
from bridge.leg.stats import LegStats
from bridge.wire import audio
from bridge.wire.errors import ErrorCode, WireError
from bridge.wire.hearing import Hearing
from bridge.wire.limits import LATE_AUDIO_WAIT, MAX_AHEAD_WAIT, REORDER_WAIT
from bridge.wire.reorder import Reorder, TrackStats


class _Reply:
    """The reply that is coming in."""

    def __init__(self, turn: int, stats: TrackStats, frame_secs: float, wait: float) -> None:
        self.turn = turn
        self.order: Reorder[audio.DownlinkFrame] = Reorder(stats, Hearing(frame_secs), wait)
        self._end_wait = max(wait, LATE_AUDIO_WAIT)
        self.frames: int | None = None
        """How many it has, once that is known."""
        self.came_at = 0.0
        """When something of it came last."""
        self.postponed: tuple[int, float] | None = None
        """The frame that is waited for, and when that wait was last begun anew."""

    @property
    def end_deadline(self) -> float | None:
        """Until when what is missing at its end is waited for."""
        if self.frames is None:
            return None
        return self.order.patience(self.came_at, self._end_wait, self.frames - 1)


class Replies:
    """One call's; at most one is under way."""

    def __init__(self, stats: LegStats, frame_secs: float, *, by_stream: bool = False) -> None:
        """`frame_secs`: of a whole frame. `by_stream`: what is missing will come."""
        self._frame_secs = frame_secs
        self._wait = MAX_AHEAD_WAIT if by_stream else REORDER_WAIT
        self.committed = 0
        """The last turn that a reply was asked for."""
        self._fence = -1
        """Replies to this turn and before it are over."""
        self._stats = stats
        self._reply: _Reply | None = None

    @property
    def unheard(self) -> bool:
        """The reply that was asked for last has not begun."""
        return self._reply is None and self._fence < self.committed

    @property
    def position(self) -> tuple[int, int]:
        """A turn and a frame: what came before it is here, or not wanted."""
        reply = self._reply
        return (reply.turn, reply.order.next_seq) if reply is not None else (self._fence + 1, 0)

    @property
    def deadline(self) -> float | None:
        """When `expire` has something to do."""
        if self._reply is None:
            return None
        times = (self._reply.order.deadline, self._reply.end_deadline)
        return min((t for t in times if t is not None), default=None)

    # --- what is wanted ----------------------------------------------------------------------

    def ask(self, turn: int) -> None:
        """From now on only a reply to `turn` is wanted. Raises ValueError for one that was."""
        if turn <= self.committed:
            raise ValueError(f"commit of turn {turn} after turn {self.committed}")
        self.committed = turn
        self._raise_fence(turn - 1)

    def cancel(self, turn: int) -> None:
        """No reply to `turn`, or before it. Raises ValueError for a turn that is to come."""
        if turn > self.committed:
            raise ValueError(f"cancel of turn {turn}, only {self.committed} was committed")
        self._raise_fence(turn)

    def drop(self) -> None:
        """The call is over."""
        self._reply = None

    # --- what comes --------------------------------------------------------------------------

    def receive_audio(self, frame: audio.DownlinkFrame, now: float) -> list[ModelEvent]:
        if frame.turn <= self._fence:
            self._stats.fenced += 1
            return []
        if frame.turn > self.committed:
            self._stats.uncommitted += 1
            return []
        reply = self._reply_to(frame.turn)
        if reply.frames is not None and frame.seq >= reply.frames:
            self._stats.fenced += 1
            return []
        reply.came_at = now
        events = [_reply_audio(f) for f in reply.order.push(frame, now)]
        return events + self._end_of(reply, now)

    def receive_end(self, turn: int, frames: int, now: float) -> list[ModelEvent]:
        """The reply to `turn` has so many frames. Raises WireError for what cannot be."""
        if turn > self.committed:
            raise WireError(ErrorCode.PROTOCOL_VIOLATION, f"reply_end for uncommitted turn {turn}")
        if turn <= self._fence:
            return []
        reply = self._reply_to(turn)
        if reply.frames is not None or frames < reply.order.next_seq:
            raise WireError(ErrorCode.PROTOCOL_VIOLATION, f"reply_end contradicts turn {turn}")
        reply.frames = frames
        self._stats.fenced += reply.order.end_at(frames)
        reply.came_at = now
        return self._end_of(reply, now)

    def expire(self, now: float) -> list[ModelEvent]:
        """Give up on what is overdue."""
        reply = self._reply
        if reply is None:
            return []
        events = [_reply_audio(f) for f in reply.order.expire(now)]
        return events + self._end_of(reply, now)

    def postpone(self, now: float, heard_at: float) -> None:
        """Nothing comes at all, the last at `heard_at`: the waits for what is missing begin anew.

        Unless something has come since they last did: the path works, and what is missing is late.
        A connection with one call that is held has nothing on it but a ping now and then.
        """
        reply = self._reply
        if reply is None:
            return
        if reply.postponed is not None:
            frame, at = reply.postponed
            if frame == reply.order.next_seq and heard_at > at:
                return
        self.restart(now)
        reply.postponed = reply.order.next_seq, now

    def restart(self, now: float) -> None:
        """The waits for what is missing begin anew."""
        if self._reply is not None:
            self._reply.order.restart(now)
            self._reply.came_at = now

    def break_off(self) -> list[ModelEvent]:
        """Nothing more will come of the reply that is under way: it ends where it is."""
        reply, self._reply = self._reply, None
        if reply is None:
            return []
        self._fence = max(self._fence, reply.turn)
        return [ReplyEnd(turn=reply.turn, frames=reply.order.next_seq)]

    # --- inside ------------------------------------------------------------------------------

    def _reply_to(self, turn: int) -> _Reply:
        if self._reply is None:
            self._reply = _Reply(turn, self._stats.downlink, self._frame_secs, self._wait)
        return self._reply

    def _end_of(self, reply: _Reply, now: float) -> list[ModelEvent]:
        """The end, once every frame was delivered, or the missing ones are overdue."""
        deadline = reply.end_deadline
        if reply.frames is None or deadline is None:
            return []
        events: list[ModelEvent] = []
        if reply.order.next_seq < reply.frames:
            if now < deadline:
                return []
            events += [_reply_audio(f) for f in reply.order.skip_to(reply.frames)]
        self._fence = reply.turn
        self._reply = None
        return [*events, ReplyEnd(turn=reply.turn, frames=reply.frames)]

    def _raise_fence(self, turn: int) -> None:
        self._fence = max(self._fence, turn)
        if self._reply is not None and self._reply.turn <= self._fence:
            self._reply = None


def _reply_audio(frame: audio.DownlinkFrame) -> ReplyAudio:
    return ReplyAudio(*frame)
