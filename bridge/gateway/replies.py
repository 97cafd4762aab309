"""The agent's replies on their way out: whole frames wait here until the path takes them, and the
last that have left are kept for a plugin that has lost its connection. Core without I/O.
"""

from collections import deque
from typing import NamedTuple

from bridge import codec
from bridge.audio.frames import FRAME_MS
from bridge.gateway.stats import SessionStats
from bridge.gateway.voice import Frame, Voice
from bridge.wire import audio, messages
from bridge.wire.hearing import Hearing
from bridge.wire.limits import MAX_AHEAD_SECS, MAX_AHEAD_WAIT, RECENT_FRAMES, REPAIR_SECS

_tuple = tuple.__new__
"""Makes a NamedTuple in a third of the time that its own constructor takes."""


class Leaving(NamedTuple):
    """A frame that leaves."""

    frame: audio.DownlinkFrame
    first: bool
    """Of its reply: somebody waits for it."""
    repair_secs: float
    """How long it is worth repairing: until the ear needs it."""
    more: bool
    """Another frame waits behind it."""


class _Reply:
    """A reply that is being spoken."""

    def __init__(self, turn: int, voice: Voice) -> None:
        self.turn = turn
        self.voice = voice
        self.frames: deque[Frame] = deque()
        self.next_seq = 0
        self.timestamp = 0
        self.complete = False


class Replies:
    """One call's; at most one is being spoken."""

    def __init__(self, stats: SessionStats) -> None:
        self._stats = stats
        self._asked: messages.Open | None = None
        self._frames_of_20_ms = 1
        self._answered = False
        self._announced = 0
        """The last turn that the agent was asked to reply to."""
        self._fence = -1
        self.cut = -1
        """What was sent of replies to this turn and before it is not wanted any more."""
        self._reply: _Reply | None = None
        self._recent: deque[audio.DownlinkFrame] = deque(maxlen=RECENT_FRAMES)
        """Frames that have left."""
        self._again: deque[audio.DownlinkFrame] = deque()
        """Those of them that leave once more."""
        self._hearing = Hearing(0.0)
        """When the reply to `_heard_turn` is heard: the one that leaves."""
        self._heard_turn = -1
        self.is_ahead = False
        """The frame that left last is not needed yet."""

    # --- what is wanted ----------------------------------------------------------------------

    def open(self, asked: messages.Open) -> None:
        """How the call wants its audio; and where it begins, if it goes on here."""
        self._asked = asked
        self._frames_of_20_ms = codec.frames_of(asked.codec, asked.output_rate_hz)
        if asked.again is not None:
            self._announced = self._fence = asked.again.committed

    def answer(self) -> None:
        """The phone was picked up: the agent may greet."""
        self._answered = True

    def announce(self, turn: int) -> None:
        """From now on the agent may reply to `turn`, and to none before it."""
        self._announced = turn
        self._answered = True
        self.raise_fence(turn - 1)

    def raise_fence(self, turn: int) -> None:
        """Nothing more of a reply to `turn`, or before it."""
        self.cut = max(self.cut, turn)
        self._fence = max(self._fence, turn)
        self._again = deque(f for f in self._again if f.turn > self._fence)
        if self._reply is not None and self._reply.turn <= self._fence:
            self._stats.fenced += len(self._reply.frames)
            self._reply = None

    def drop(self) -> None:
        """The call is over."""
        self._reply = None
        self._again.clear()

    # --- what the agent says -----------------------------------------------------------------

    def may_speak(self, turn: int) -> bool:
        """Whether audio for `turn` would still go out."""
        return (
            self._answered
            and self._fence < turn <= self._announced
            and (self._reply is None or not self._reply.complete)
        )

    def speak(self, turn: int, pcm: bytes) -> None:
        """Audio of a reply that may be spoken, any length."""
        reply = self._reply_to(turn)
        reply.frames.extend(reply.voice.push(pcm))

    def speak_encoded(self, turn: int, data: bytes) -> None:
        """The same for bytes in the call's codec, which must be G.711."""
        reply = self._reply or self._reply_to(turn)
        reply.frames.extend(reply.voice.push_encoded(data))

    def end(self, turn: int) -> messages.ReplyEnd | None:
        """A reply that may be spoken is at its end. Returns what is to be said of it, if its last
        frame has left."""
        reply = self._reply_to(turn)
        reply.frames.extend(reply.voice.flush())
        reply.complete = True
        return self._finish()

    # --- what leaves -------------------------------------------------------------------------

    @property
    def backlog_ms(self) -> int:
        """Audio that the path has not taken yet."""
        if self._asked is None:
            return 0
        frames = len(self._again) + (len(self._reply.frames) if self._reply is not None else 0)
        return frames * FRAME_MS // self._frames_of_20_ms

    @property
    def waits(self) -> bool:
        """Whether a frame waits to leave."""
        return bool(self._again) or (self._reply is not None and bool(self._reply.frames))

    @property
    def speaking(self) -> bool:
        """Whether a reply is under way, though nothing of it may wait now."""
        return self._reply is not None or bool(self._again)

    @property
    def starts(self) -> bool:
        """The next frame is the first of a reply: somebody waits for it."""
        return not self._again and self._reply is not None and self._reply.next_seq == 0

    def next_frame(self, now: float) -> tuple[Leaving | None, messages.ReplyEnd | None]:
        """The next frame, which leaves at `now`, or None when there is none; and the end of the
        reply, if it is the last."""
        reply, end, more = self._reply, None, False
        if self._again:
            frame, first = self._again.popleft(), False
            turn, seq, more = frame.turn, frame.seq, self.waits
        elif reply is None or not reply.frames:
            return None, None
        else:
            frames = reply.frames
            payload, samples = frames.popleft()
            turn, seq, first = reply.turn, reply.next_seq, not reply.next_seq
            frame = _tuple(audio.DownlinkFrame, (turn, seq, reply.timestamp, payload))
            reply.next_seq = seq + 1
            reply.timestamp += samples
            self._stats.downlink_frames += 1
            if frames:
                more = True
            elif reply.complete:
                end = self._finish()
        self._recent.append(frame)
        if turn != self._heard_turn:
            assert self._asked is not None
            secs = codec.frame_secs(self._asked.codec, self._asked.output_rate_hz)
            self._hearing, self._heard_turn = Hearing(secs), turn
        ahead = self._hearing.leave(seq, now)
        self.is_ahead = ahead > 0
        repair_secs = REPAIR_SECS if ahead < REPAIR_SECS else min(ahead, MAX_AHEAD_WAIT)
        return _tuple(Leaving, (frame, first, repair_secs, more)), end

    def far_ahead(self, now: float) -> bool:
        """Whether what comes next is more than the plugin keeps."""
        reply = self._reply
        if self._again or reply is None or reply.turn != self._heard_turn:
            return False
        return self._hearing.due(reply.next_seq) - now > MAX_AHEAD_SECS

    def go_on(self, turn: int, next_frame: int) -> None:
        """After a break of the connection: say again what was sent from there on."""
        lacking = [f for f in self._recent if (f.turn, f.seq) >= (turn, next_frame)]
        self._again.extendleft(reversed(lacking))
        self._recent.clear()

    # --- inside ------------------------------------------------------------------------------

    def _reply_to(self, turn: int) -> _Reply:
        if self._reply is None:
            assert self._asked is not None
            self._reply = _Reply(turn, Voice(self._asked.codec, self._asked.output_rate_hz))
        return self._reply

    def _finish(self) -> messages.ReplyEnd | None:
        """Where the reply ended, once its last frame was taken."""
        reply = self._reply
        if reply is None or not reply.complete or reply.frames:
            return None
        self._fence = max(self._fence, reply.turn)
        self._reply = None
        return messages.ReplyEnd(turn=reply.turn, frames=reply.next_seq)
