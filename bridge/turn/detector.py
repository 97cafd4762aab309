"""Decides on one call when the caller's turn opens and ends, and whether the agent is interrupted.

A core without I/O. The rules are in docs/turn-taking.md, which is normative.
"""

from bridge.audio.frames import FRAME_MS
from bridge.turn.awaited import Awaited, Standing
from bridge.turn.barge_in import BargeIn
from bridge.turn.events import (
    Backchannel,
    BargeInArmed,
    BargeInRejected,
    Cancel,
    Commit,
    NoInput,
    Prime,
    Retract,
    SpeechEnd,
    SpeechFrame,
    SpeechStart,
    TurnEvent,
)
from bridge.turn.floor import Floor
from bridge.turn.options import TurnOptions
from bridge.turn.pauses import Pauses
from bridge.turn.speech import Speech
from bridge.turn.utterance import Utterance

_ONSET_LAG_MS = 60
"""Speech that has passed before the VAD fires."""


class TurnDetector:
    """Feed every 20 ms frame once, in order; say when a reply begins to leave for the phone.

    Time is the caller's sample clock, so a replayed recording gives the events of the live call.
    A clock that goes back or stands still is taken to have gone on by a frame.
    """

    def __init__(self, options: TurnOptions) -> None:
        self._options = options
        self._speech = Speech(options)
        self._floor = Floor(options.agent_tail_ms)
        self._barge_in = BargeIn(options)
        self._pauses = Pauses(options)
        self._now_ms = -FRAME_MS
        self._utterance: Utterance | None = None
        self._awaited: Awaited | None = None
        self._turns = 0
        self._commit_ms: int | None = None
        """When the last commit that stands was."""
        self._next_seq = 0
        """First uplink frame that is in no committed turn."""
        self._audible = False
        self._on_hold = False
        self._quiet_since = 0

    def reply_began(self, turn: int) -> None:
        """The first frame of the reply to `turn` leaves for the phone: from the next frame on,
        what the caller says is no continuation any more."""
        if self._awaited is not None and turn >= self._awaited.turn:
            self._awaited = None

    def hold(self, on: bool) -> None:
        """The phone puts the call on hold, or takes it back. On hold nobody speaks, whatever
        comes from the line."""
        self._on_hold = on

    def push(self, frame: SpeechFrame) -> list[TurnEvent]:
        """Take one frame; returns what happened with it, in order."""
        options = self._options
        before, self._now_ms = self._now_ms, max(frame.at_ms, self._now_ms + FRAME_MS)
        now = self._now_ms
        self._floor.push(now, frame.agent_audible)
        if self._barge_in.pending and options.barge_hold == "pause":
            self._floor.keep(now)
        self._judge_awaited(frame.agent_audible, now - before)
        probability = 0.0 if self._on_hold else frame.probability
        gate = options.agent_gate_dbfs if self._floor.echoing else options.quiet_gate_dbfs
        grown = self._speech.push(probability, frame.level_dbfs, gate)
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
        self._judge_silence(frame.agent_audible, events)
        return events

    # --- speech --------------------------------------------------------------------------

    def _hear(self, frame: SpeechFrame, grown: int, events: list[TurnEvent]) -> None:
        """A frame of speech: it opens an utterance, reopens one or goes on with one."""
        now = self._now_ms
        current = self._utterance
        if current is not None and self._begins_anew(current, now - grown):
            self._close(current, events)
            current = None
        if current is None and not frame.agent_audible:
            current = self._utterance = self._take_back(now - grown, events)
        if current is None:
            current = self._utterance = Utterance(
                began_ms=now - grown,
                first_seq=self._padded(frame.seq),
                contested=self._floor.held,
                overlapped=self._floor.held,
                end_ms=now - grown,
            )
        if self._speech.started and not self._floor.held:
            current.overlapped = False
        if not self._barge_in.pending and self._floor.held and frame.agent_audible:
            self._barge_in.arm(now)
            events.append(BargeInArmed(now))
        self._pauses.note(now - grown - current.end_ms)
        current.speech_ms += grown
        current.end_ms = now
        self._barge_in.hear(now, grown, frame.level_dbfs)

    def _begins_anew(self, current: Utterance, resumed_ms: int) -> bool:
        """Speech over the agent does not add to what was said before the agent began."""
        gap = resumed_ms - current.end_ms
        return self._floor.held and not current.turn and gap > self._options.barge_gap_ms

    def _take_back(self, resumed_ms: int, events: list[TurnEvent]) -> Utterance | None:
        """The turn whose commit this speech takes back."""
        awaited = self._awaited
        if awaited is None or awaited.standing is None or not self._options.continuation:
            return None
        standing = awaited.standing
        if resumed_ms - standing.utterance.began_ms >= self._options.max_turn_ms:
            return None
        self._awaited = None
        self._commit_ms = standing.commit_ms
        self._next_seq = standing.next_seq
        self._turns += 1
        standing.utterance.turn = self._turns
        events.append(Retract(self._now_ms, awaited.turn, self._turns))
        return standing.utterance

    # --- the agent -----------------------------------------------------------------------

    def _judge_awaited(self, audible: bool, passed_ms: int) -> None:
        """Whether a reply is still on its way."""
        began, self._audible = audible and not self._audible, audible
        if self._awaited is None:
            return
        if self._on_hold:  # it cannot be heard
            self._awaited.until_ms += passed_ms
        if began or self._now_ms >= self._awaited.until_ms:
            self._awaited = None

    def _judge_barge_in(self, current: Utterance, events: list[TurnEvent]) -> None:
        now = self._now_ms
        if not self._floor.held:
            current.contested = False
        if not self._barge_in.pending:
            return
        silent_ms = 0 if self._speech.active else now - current.end_ms
        if not self._floor.held:  # the agent came to its end by itself
            self._reject(events)
        elif self._barge_in.confirmed:
            self._barge_in.settle()
            self._floor.stop(now)
            current.contested = current.overlapped = False
            current.interrupts = True
            events.append(Cancel(now, current.turn or self._turns + 1))
        elif self._barge_in.given_up(now, silent_ms):
            self._reject(events)
            if current.contested:
                self._close(current, events)

    def _reject(self, events: list[TurnEvent]) -> None:
        self._barge_in.settle()
        events.append(BargeInRejected(self._now_ms, self._barge_in.speech_ms))

    # --- turns ---------------------------------------------------------------------------

    def _judge_turn(self, current: Utterance, seq: int, events: list[TurnEvent]) -> None:
        now, options = self._now_ms, self._options
        silent_ms = now - current.end_ms
        if not current.turn:
            answers = self._answers_shortly(current)
            over = silent_ms >= self._ending_ms(current, answers)
            if (self._is_enough(current) and not current.contested) or (over and answers):
                self._turns += 1
                current.turn = self._turns
                self._pauses.note_turn(current.began_ms)
                events.append(Prime(now, current.turn, current.first_seq))
            elif over:
                self._close(current, events)
        if not current.turn:
            return
        over = silent_ms >= self._ending_ms(current, not self._is_enough(current))
        too_long = now - current.began_ms >= options.max_turn_ms
        if (over or too_long) and self._may_commit:
            self._commit(current, seq, events, may_go_on=over)

    def _is_enough(self, current: Utterance) -> bool:
        return current.speech_ms >= self._options.response_min_speech_ms

    def _answers_shortly(self, current: Utterance) -> bool:
        """Too short for a turn, it still is one in an open floor: "yes", "two", "stop"."""
        options = self._options
        if not options.short_answer_silence_ms or self._is_enough(current):
            return False
        if current.contested or current.overlapped or self._floor.held:
            return False
        if current.interrupts:
            return True
        owed = self._awaited is not None and self._awaited.owed
        return not owed and current.speech_ms >= options.short_answer_min_speech_ms

    def _ending_ms(self, current: Utterance, short: bool) -> int:
        """The silence that ends it."""
        return self._options.short_answer_silence_ms if short else self._pauses.threshold_ms

    def _commit(
        self, current: Utterance, seq: int, events: list[TurnEvent], may_go_on: bool
    ) -> None:
        now = self._now_ms
        standing = Standing(current, self._commit_ms, self._next_seq)
        until = now + self._options.reply_wait_ms
        self._awaited = Awaited(current.turn, until, standing if may_go_on else None)
        self._commit_ms = now
        self._next_seq = seq + 1
        self._pauses.turn_ended_ms = current.end_ms
        events.append(Commit(now, current.turn, current.end_ms, seq))
        self._close(current, events)

    @property
    def _may_commit(self) -> bool:
        if self._commit_ms is None:
            return True
        return self._now_ms - self._commit_ms >= self._options.commit_min_interval_ms

    def _close(self, current: Utterance, events: list[TurnEvent]) -> None:
        """The utterance is over. One that was too short for a turn is a backchannel."""
        if self._barge_in.pending:
            self._reject(events)
        if not current.turn and not self._is_enough(current):
            events.append(Backchannel(self._now_ms, current.speech_ms))
        self._utterance = None

    def _judge_silence(self, audible: bool, events: list[TurnEvent]) -> None:
        """Nobody speaks, and nobody is expected to."""
        now = self._now_ms
        busy = audible or self._floor.held or self._on_hold
        if busy or self._utterance is not None or self._awaited is not None:
            self._quiet_since = now
            return
        limit_ms = self._options.no_input_secs * 1000
        if limit_ms and now - self._quiet_since >= limit_ms:
            self._turns += 1
            events.append(NoInput(now, self._turns))
            until = now + self._options.reply_wait_ms
            self._awaited = Awaited(self._turns, until, owed=False)

    def _padded(self, onset_seq: int) -> int:
        padding = (_ONSET_LAG_MS + self._options.prefix_padding_ms) // FRAME_MS
        return min(max(onset_seq - padding, self._next_seq), onset_seq)
