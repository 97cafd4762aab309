"""One call between a phone leg's PCM and a model leg. Core without I/O.

Caller: 8 kHz frames in; at the model's rate to the leg, and through the turn detector, whose
events drive the leg. Agent: the leg's audio in, resampled into the playout buffer, frames out, at
8 kHz or for a wideband phone at 16. Whoever owns the phone leg calls `hear` for each caller frame
and `speak` for each frame slot; `now` is seconds on any monotonic clock.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bridge import codec
from bridge.agent import AgentSpec
from bridge.audio.frames import FRAME_MS, PHONE_RATE_HZ
from bridge.audio.resample import Resampler
from bridge.audio.wideband import BandJoin, UpperBand
from bridge.codec import CodecError
from bridge.events import Cancelled, ReplyEnd, ReplyStart, TranscriptHeard, TurnLatency
from bridge.leg.interface import ModelCall, ReplyAudio, Transcript
from bridge.leg.interface import ReplyEnd as LegReplyEnd
from bridge.playout import Playout, PlayoutFrame
from bridge.turn.detector import TurnDetector
from bridge.turn.events import (
    BargeInArmed,
    BargeInRejected,
    Cancel,
    Commit,
    NoInput,
    Prime,
    Retract,
    SpeechFrame,
    TurnEvent,
)

PLAYOUT_REPORT_MS = 200
"""How often the model learns how much of its reply has left for the phone."""
MAX_GAP_MS = 100
"""Lost reply audio that is replaced by silence, so that positions in the reply stay true."""

OnEvent = Callable[[TurnEvent], None]


@dataclass(slots=True)
class BridgeStats:
    """Counters of one call's bridge."""

    uplink_frames: int = 0
    uplink_untouched: int = 0
    """Of them, those that are the phone's own G.711 bytes."""
    commits: int = 0
    retracts: int = 0
    """Commits taken back, since the caller went on before the reply was heard."""
    replies: int = 0
    cancels: int = 0
    reply_frames: int = 0
    reply_frames_malformed: int = 0
    reply_gap_ms: int = 0


@dataclass(slots=True)
class _Committed:
    """A commit on its way to becoming a latency."""

    commit_ms: float
    at: float
    first_frame_at: float | None = None


class CallBridge:
    """Both directions of one call. Give it its leg with `attach` before the first frame."""

    def __init__(self, agent: AgentSpec, max_playout_secs: float, on_event: OnEvent) -> None:
        self._agent = agent
        self._on_event = on_event
        self._up: Resampler | BandJoin = Resampler(PHONE_RATE_HZ, agent.input_rate_hz)
        self._detector = TurnDetector(agent.turn)
        self._leg: ModelCall | None = None
        self.playout = Playout(max_playout_secs)
        self.stats = BridgeStats()
        self._frames = 0
        self._seq = 0
        """The next frame of the uplink, in which a hold leaves no gap."""
        self._samples_up = 0
        self._audible = False
        self._on_hold = False
        self._held = False
        """A barge-in is pending."""
        self._committed: dict[int, _Committed] = {}
        self._reply_turn: int | None = None
        self._spoken_turn = 0
        self._encoder = codec.encoder(agent.model_codec, agent.input_rate_hz)
        self._decoder = codec.decoder(agent.model_codec, agent.output_rate_hz)
        self._down = Resampler(agent.output_rate_hz, PHONE_RATE_HZ)
        """Of the reply that comes in, to what the phone takes."""
        self._expected_timestamp = 0
        self._frames_since_report = 0

    def attach(self, leg: ModelCall) -> None:
        self._leg = leg

    def speak_at(self, rate_hz: int) -> None:
        """What the phone's codec takes, 8000 or 16000; frames are at 8 kHz all the same where the
        model's voice has no more."""
        wide = min(rate_hz, self._agent.output_rate_hz) > PHONE_RATE_HZ
        rate_hz = rate_hz if wide else PHONE_RATE_HZ
        if rate_hz != self.playout.rate_hz:
            self.playout.change_rate(rate_hz)
            self._down = Resampler(self._agent.output_rate_hz, rate_hz)

    def interrupt(self) -> None:
        """Another model has taken the call: what was being said is cut within a frame, and what
        was asked for will not come."""
        self.playout.cancel()
        self._committed.clear()
        self._audible = False

    @property
    def at_ms(self) -> int:
        """The caller's sample clock."""
        return self._frames * FRAME_MS

    def hold(self, on: bool) -> None:
        """The call was put on hold, or taken back, by either side. The agent waits, and then goes
        on with the word that it was at; nothing that comes from the line goes to the model."""
        if on is not self._on_hold and self._leg is not None:
            self._leg.hold(on)
        self._on_hold = on
        self._detector.hold(on)
        self._tune()

    # --- caller to model -----------------------------------------------------------------

    def hear(
        self,
        pcm: np.ndarray,
        probability: float,
        level_dbfs: float,
        now: float,
        upper: UpperBand | None = None,
        untouched: tuple[str, bytes] | None = None,
    ) -> None:
        """Take one caller frame (int16[160]) with its speech probability and level.

        `upper`: of a phone with a wideband codec. `untouched`: law and bytes of the phone's own
        frame, if nothing was done to it; they go up as they are where the model takes that law.
        """
        self.append(self.to_model(pcm, upper), untouched)
        self.judge(probability, level_dbfs, now)

    def upsampler(self) -> Resampler:
        """What brings a narrowband phone's next frame to the model's rate, for whoever does it for
        many calls in one batch and gives the result to `append`."""
        if not isinstance(self._up, Resampler):
            self._up = Resampler(PHONE_RATE_HZ, self._agent.input_rate_hz)
        return self._up

    def append(self, payload: np.ndarray, untouched: tuple[str, bytes] | None = None) -> None:
        """The first step of `hear`: the caller's next frame, at the model's rate, goes up."""
        if not self._on_hold:
            self._send_up(payload, untouched)
            self.stats.uplink_frames += 1
        self._samples_up += len(payload)
        self._frames += 1

    def judge(self, probability: float, level_dbfs: float, now: float) -> None:
        """The second step of `hear`: what follows from the frame that was appended last."""
        last_seq = self._seq - 1
        frame = SpeechFrame(self.at_ms, last_seq, probability, level_dbfs, self._audible)
        for event in self._detector.push(frame):
            self._on_turn(event, now)

    def _send_up(self, pcm: np.ndarray, untouched: tuple[str, bytes] | None) -> None:
        assert self._leg is not None
        name, rate_hz = self._agent.model_codec, self._agent.input_rate_hz
        if untouched is not None and untouched[0] == name:
            self.stats.uplink_untouched += 1
            self._leg.append(self._seq, self._samples_up, untouched[1])
            self._seq += 1
            return
        size = codec.frame_samples(name, rate_hz)
        for start in range(0, len(pcm), size):
            data = self._encoder.encode(pcm[start : start + size])
            self._leg.append(self._seq, self._samples_up + start, data)
            self._seq += 1

    def to_model(self, pcm: np.ndarray, upper: UpperBand | None) -> np.ndarray:
        """A cleaned frame (int16[160]) at the model's rate."""
        if upper is None:
            return self.upsampler().push(pcm)
        if not isinstance(self._up, BandJoin):
            self._up = BandJoin(self._agent.input_rate_hz)
        return self._up.push(pcm, upper)

    def _on_turn(self, event: TurnEvent, now: float) -> None:
        assert self._leg is not None
        match event:
            case Prime(turn=turn):
                self._leg.prime(turn)
            case Commit(at_ms=at_ms, turn=turn, speech_end_ms=end_ms, last_seq=last_seq):
                self._end_older_replies(at_ms, turn)
                self._leg.commit(turn, last_seq)
                self.stats.commits += 1
                self._committed = {turn: _Committed(at_ms - end_ms, now)}
            case Retract(turn=turn):
                self._take_back(turn)
            case NoInput(turn=turn):
                self._leg.no_input(turn)
            case BargeInArmed() | BargeInRejected():
                self._held = isinstance(event, BargeInArmed)
                self._tune()
            case Cancel(at_ms=at_ms, turn=turn):
                self._held = False
                self._stop_agent(at_ms, turn)
                self._tune()
                return
        self._on_event(event)

    def _tune(self) -> None:
        """Let the agent speak as is fit while it is not known whether it is interrupted."""
        hold = self._agent.turn.barge_hold if self._held else "talk"
        self.playout.speak("pause" if self._on_hold else hold)

    def _take_back(self, turn: int) -> None:
        """The caller goes on: the reply, of which nothing was heard, is not wanted."""
        assert self._leg is not None
        self.playout.cancel()
        self.playout.fence(turn)
        self._committed.clear()
        self.stats.retracts += 1
        self._leg.cancel(turn, 0)

    def _end_older_replies(self, at_ms: int, turn: int) -> None:
        """A turn that was open when the agent began: the leg drops the rest of what it says."""
        assert self._leg is not None
        for reply_turn, heard_ms in self.playout.cancel():
            self._leg.cancel(reply_turn, heard_ms)
            self._on_event(Cancelled(at_ms, turn, reply_turn, heard_ms))
            self.stats.cancels += 1

    def _stop_agent(self, at_ms: int, turn: int) -> None:
        """Silence the line within a frame and tell the model how far it was heard."""
        assert self._leg is not None
        cut = self.playout.cancel()
        for pending in self._committed:  # asked for, not heard yet: nobody waits for it any more
            self.playout.fence(pending)
            if pending not in dict(cut):
                cut.append((pending, 0))
        self._committed.clear()
        self._audible = False
        self.stats.cancels += 1
        for reply_turn, heard_ms in cut:
            self._leg.cancel(reply_turn, heard_ms)
            self._on_event(Cancelled(at_ms, turn, reply_turn, heard_ms))
        if not cut:  # the reply ended while the barge-in was being confirmed
            heard_ms = self.playout.heard_ms(self._spoken_turn)
            self._on_event(Cancelled(at_ms, turn, self._spoken_turn, heard_ms))

    # --- model to caller -----------------------------------------------------------------

    def on_reply(self, event: ReplyAudio | LegReplyEnd | Transcript, now: float) -> None:
        """Take what the model said."""
        match event:
            case ReplyAudio():
                self._on_audio(event, now)
            case LegReplyEnd(turn=turn):
                self.playout.end(turn)
            case Transcript(role=role, text=text, turn=turn, final=final):
                self._on_event(TranscriptHeard(self.at_ms, role, text, turn, final))

    def _on_audio(self, audio: ReplyAudio, now: float) -> None:
        if audio.turn != self._reply_turn:
            self._reply_turn = audio.turn
            self._decoder = codec.decoder(self._agent.model_codec, self._agent.output_rate_hz)
            self._down = Resampler(self._agent.output_rate_hz, self.playout.rate_hz)
            self._expected_timestamp = 0
            self.stats.replies += 1
        try:
            pcm = self._decoder.decode(audio.payload)
        except CodecError:
            self.stats.reply_frames_malformed += 1
            return
        committed = self._committed.get(audio.turn)
        if committed is not None and committed.first_frame_at is None:
            committed.first_frame_at = now
        self.stats.reply_frames += 1
        missing = audio.timestamp - self._expected_timestamp
        self._expected_timestamp = audio.timestamp + len(pcm)
        if missing > 0:
            gap_ms = min(missing * 1000 // self._agent.output_rate_hz, MAX_GAP_MS)
            self.stats.reply_gap_ms += gap_ms
            silence = np.zeros(gap_ms * self._agent.output_rate_hz // 1000, np.int16)
            pcm = np.concatenate([silence, pcm])
        self.playout.push(audio.turn, self._down.push(pcm))

    def speak(self, now: float) -> PlayoutFrame | None:
        """The agent's frame for this slot, which leaves for the phone now; None is silence."""
        frame = self.playout.pull()
        if frame is None:
            self._audible = False
            return None
        self._audible = frame.audible
        self._spoken_turn = frame.turn
        if frame.starts_reply:
            self._detector.reply_began(frame.turn)
            self._on_event(ReplyStart(self.at_ms, frame.turn))
            self._report_latency(frame.turn, now)
        self._report_position(frame)
        return frame

    def _report_latency(self, turn: int, now: float) -> None:
        committed = self._committed.pop(turn, None)
        if committed is None or committed.first_frame_at is None:
            return
        model_ms = (committed.first_frame_at - committed.at) * 1000
        playout_ms = (now - committed.first_frame_at) * 1000
        total_ms = committed.commit_ms + model_ms + playout_ms
        self._on_event(
            TurnLatency(self.at_ms, turn, committed.commit_ms, model_ms, playout_ms, total_ms)
        )

    def _report_position(self, frame: PlayoutFrame) -> None:
        assert self._leg is not None
        self._frames_since_report += 1
        if frame.ends_reply or self._frames_since_report * FRAME_MS >= PLAYOUT_REPORT_MS:
            self._frames_since_report = 0
            self._leg.playout(frame.turn, self.playout.heard_ms(frame.turn))
        if frame.ends_reply:
            self._on_event(ReplyEnd(self.at_ms, frame.turn, self.playout.heard_ms(frame.turn)))
