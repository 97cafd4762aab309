"""Decides on one call when the caller's turn opens and ends, and whether the agent is interrupted.

A core without I/O. The rules are in docs/turn-taking.md, which is normative.
"""

from dataclasses import dataclass

from bridge.audio.frames import FRAME_MS
from bridge.turn.events import (
    Backchannel,
    BargeInArmed,
    BargeInRejected,
    Cancel,
    Commit,
    Prime,
    SpeechEnd,
    SpeechFrame,
    SpeechStart,
    TurnEvent,
)
from bridge.turn.floor import Floor
from bridge.turn.options import TurnOptions
from bridge.turn.speech import Speech

_ONSET_LAG_MS = 60
"""Speech that has passed before the VAD fires."""


@dataclass(slots=True)
class _Utterance:
    """Bursts of speech with gaps too short to end a turn between them."""

    began_ms: int
    first_seq: int
    contested: bool
    """It began while the agent had the floor, and only a confirmed barge-in makes it a turn."""
    speech_ms: int = 0
    end_ms: int = 0
    """Sample clock at the end of its last frame of speech."""
    turn: int = 0
    """0 until it is primed."""


class TurnDetector:
    """Feed every 20 ms frame once, in order.

    Time is the caller's sample clock, so a replayed recording gives the events of the live call.
    A clock that goes back or stands still is taken to have gone on by a frame.
    """

    def __init__(self, options: TurnOptions) -> None:
        self._options = options
        self._speech = Speech(options)
        self._floor = Floor(options.agent_tail_ms)
        self._now_ms = -FRAME_MS
        self._utterance: _Utterance | None = None
        self._over_agent_ms: int | None = None
        """Speech of the pending barge-in; None while none is pending."""
        self._turns = 0
        self._commit_ms: int | None = None
        self._next_seq = 0
        """First uplink frame that is in no committed turn."""

    def push(self, frame: SpeechFrame) -> list[TurnEvent]:
        """Take one frame; returns what happened with it, in order."""
        options = self._options
        now = self._now_ms = max(frame.at_ms, self._now_ms + FRAME_MS)
        self._floor.push(now, frame.agent_audible)
        gate = options.agent_gate_dbfs if self._floor.echoing else options.quiet_gate_dbfs
        grown = self._speech.push(frame.probability, frame.level_dbfs, gate)
        events: list[TurnEvent] = []
        if self._speech.started:
            events.append(SpeechStart(now))
        if grown:
            self._hear(frame, grown, events)
        elif self._speech.ended:
            events.append(SpeechEnd(now, self._speech.run_ms))
        if self._utterance is not None:
            self._judge_barge_in(self._utterance, events)
        if self._utterance is not None:
            self._judge_turn(self._utterance, frame.seq, events)
        return events

    def _hear(self, frame: SpeechFrame, grown: int, events: list[TurnEvent]) -> None:
        """A frame of speech: it opens an utterance or goes on with one."""
        now = self._now_ms
        current = self._utterance
        if current is not None and self._begins_anew(current, now - grown):
            self._close(current, events)
            current = None
        if current is None:
            current = self._utterance = _Utterance(
                began_ms=now - grown,
                first_seq=self._padded(frame.seq),
                contested=self._floor.held,
            )
        if self._over_agent_ms is None and self._floor.held and frame.agent_audible:
            self._over_agent_ms = 0
            events.append(BargeInArmed(now))
        current.speech_ms += grown
        current.end_ms = now
        if self._over_agent_ms is not None:
            self._over_agent_ms += grown

    def _begins_anew(self, current: _Utterance, resumed_ms: int) -> bool:
        """Speech over the agent does not add to what was said before the agent began."""
        gap = resumed_ms - current.end_ms
        return self._floor.held and not current.turn and gap > self._options.barge_gap_ms

    def _judge_barge_in(self, current: _Utterance, events: list[TurnEvent]) -> None:
        now, over_agent = self._now_ms, self._over_agent_ms
        if not self._floor.held:
            current.contested = False
        if over_agent is None:
            return
        if not self._floor.held:  # the agent came to its end by itself
            self._reject(events)
        elif over_agent >= self._options.barge_confirm_ms:
            self._over_agent_ms = None
            self._floor.stop(now)
            current.contested = False
            events.append(Cancel(now, current.turn or self._turns + 1))
        elif not self._speech.active and now - current.end_ms >= self._options.barge_gap_ms:
            self._reject(events)
            if current.contested:
                self._close(current, events)

    def _judge_turn(self, current: _Utterance, seq: int, events: list[TurnEvent]) -> None:
        now, options = self._now_ms, self._options
        enough = current.speech_ms >= options.response_min_speech_ms
        if not current.turn and not current.contested and enough:
            self._turns += 1
            current.turn = self._turns
            events.append(Prime(now, current.turn, current.first_seq))
        silent = now - current.end_ms >= options.silence_threshold_ms
        if not current.turn:
            if silent:
                self._close(current, events)
            return
        too_long = now - current.began_ms >= options.max_turn_ms
        if (silent or too_long) and self._may_commit:
            self._commit_ms = now
            self._next_seq = seq + 1
            events.append(Commit(now, current.turn, current.end_ms, seq))
            self._close(current, events)

    @property
    def _may_commit(self) -> bool:
        if self._commit_ms is None:
            return True
        return self._now_ms - self._commit_ms >= self._options.commit_min_interval_ms

    def _reject(self, events: list[TurnEvent]) -> None:
        assert self._over_agent_ms is not None
        events.append(BargeInRejected(self._now_ms, self._over_agent_ms))
        self._over_agent_ms = None

    def _close(self, current: _Utterance, events: list[TurnEvent]) -> None:
        """The utterance is over. One that was too short for a turn is a backchannel."""
        if self._over_agent_ms is not None:
            self._reject(events)
        if current.speech_ms < self._options.response_min_speech_ms:
            events.append(Backchannel(self._now_ms, current.speech_ms))
        self._utterance = None

    def _padded(self, onset_seq: int) -> int:
        padding = (_ONSET_LAG_MS + self._options.prefix_padding_ms) // FRAME_MS
        return min(max(onset_seq - padding, self._next_seq), onset_seq)
