"""One call of a worker: its RTP on one side, its bridge to the model on the other.

A thin shell: packets in, `RtpSession`, `CallBridge`, packets out. The worker's clock drives it.
"""

import logging
from collections.abc import Callable

import numpy as np

from bridge.audio.resample import Resampler
from bridge.leg.interface import HangupAsked, ModelCall, ModelEvent, TransferAsked, TransferState
from bridge.profile import LegProfile
from bridge.uplink import Uplink
from sip_plugin.media.call_telling import CallTelling
from sip_plugin.media.caller_frames import CallerFrame
from sip_plugin.media.description import MediaDescription
from sip_plugin.media.dtmf import Dtmf, TwoWays
from sip_plugin.media.hearing import Hearing
from sip_plugin.media.model_side import ModelSide
from sip_plugin.media.outlet import Outlet
from sip_plugin.media.ports import PortPair
from sip_plugin.media.prompt import Sound
from sip_plugin.media.readiness import Readiness
from sip_plugin.media.recording import Recording
from sip_plugin.media.secured_ports import SecuredPorts
from sip_plugin.media.session import RtpSession
from sip_plugin.media.voice import Voice
from sip_plugin.media.wavefile import NotPlayable
from sip_plugin.planes.messages import (
    EndCall,
    Message,
    ModelFailed,
    OpenCall,
    PressDigits,
    PromptEnded,
    PromptSpec,
    TransferCall,
)

_NEVER, _LATER = float("-inf"), float("inf")
_NO_PHASE = 1 << 62

BURST_FRAMES = 3
"""Of the caller, at once: somebody stood still, the phone, the network or we."""

log = logging.getLogger(__name__)

Emit = Callable[[Message], None]


class MediaCall:
    """Lives from OpenCall (the phone rings) to CloseCall."""

    def __init__(
        self,
        opened: OpenCall,
        ports: PortPair,
        uplink: Uplink,
        phase: int,
        max_playout_secs: float,
        emit: Emit,
    ) -> None:
        self.sid = opened.sid
        self.ports = ports
        self.session: RtpSession | None = None
        self.answered = False
        self.due_at = _NEVER
        """No frame of the caller is due before it, as far as is known."""
        self.slot_at = 0
        """Nothing leaves before this phase, unless the agent begins to speak."""
        self.stirred = True
        """The agent may be about to begin."""
        self.recording: Recording | None = None
        self._emit = emit
        self._io = SecuredPorts(opened.sid, ports)
        self._outlet = Outlet(phase, self._io.send_rtp)
        self._telling = CallTelling(opened.sid, emit, lambda: self._model.bridge.at_ms)
        self._readiness = Readiness(opened.sid, opened.agent_name, emit)
        self._model = ModelSide(
            opened, max_playout_secs, self._telling, self._readiness, emit, self.send_digits
        )
        self._voice = Voice()
        self._use(opened.leg, uplink)
        if opened.prompt is not None:
            self._await_prompt(opened.prompt)
        self._keys = TwoWays()
        self._moves = 0
        """Of the phone's address, so far as they were told."""
        self.ended = False
        """The SIP process was asked to end it, or another call takes its place."""
        self.failed = False
        """By a fault of ours: nothing more is asked of it, but to be closed."""

    def change_leg(self, profile: LegProfile, uplink: Uplink) -> None:
        """It is dialled by another trunk; nothing of the caller was heard yet."""
        if not self.answered:
            self._model.use(profile)
            self._use(profile, uplink)

    def _use(self, profile: LegProfile, uplink: Uplink) -> None:
        self.uplink = uplink
        self._hearing = Hearing(uplink, self._model, self._voice, self._outlet, self._telling)
        self._early_start = profile.early_start

    # --- model leg -----------------------------------------------------------------------

    def attach(self, leg: ModelCall) -> None:
        self._model.attach(leg)

    def tell_ready(self) -> None:
        self._readiness.tell()

    def on_model(self, event: ModelEvent, now: float) -> None:
        """Take an event of the model leg."""
        if self._model.take(event, now):
            self.stirred = True

    def end(self, ask: EndCall) -> None:
        """Ask the SIP process to end the call, once."""
        if not self.ended:
            self.ended = True
            self._emit(ask)

    def fail(self, what: str) -> None:
        """A fault of ours, and which."""
        self.failed = True
        reason = f"internal error ({what})"
        self.end(EndCall(sid=self.sid, cause="media_failed", reason=reason))
        self._telling.event("media_fault", {"what": what})

    # --- prompts -------------------------------------------------------------------------

    def play(self, prompt: PromptSpec) -> None:
        """Instead of the agent; `on_prompt` follows."""
        self._model.lose()
        self._await_prompt(prompt)

    def _await_prompt(self, prompt: PromptSpec) -> None:
        self._voice.prompt.await_file(prompt)
        self._readiness.wait_for("prompt")

    def on_prompt(self, found: Sound | NotPlayable) -> None:
        """The file was read, or cannot be."""
        try:
            if not self._voice.prompt.begin(found):
                return
        except NotPlayable as error:
            self._readiness.came("prompt")
            self._emit(ModelFailed(sid=self.sid, code="prompt_unplayable", reason=str(error)))
            return
        self._readiness.came("prompt")
        self.stirred = True
        self._voice.cut(self._model.bridge)
        self._readiness.tell()

    def _prompt_over(self) -> None:
        self._telling.event("prompt_ended", {})
        if self._model.present:
            self._model.leg.answered()
        else:
            self._emit(PromptEnded(sid=self.sid))

    # --- phone leg -----------------------------------------------------------------------

    def start(
        self, media: MediaDescription, answered: bool, now: float, early: str = "none"
    ) -> None:
        """The SDP was negotiated, for the first time or anew. `early`: what the caller hears
        before the answer, `ringback`, the agent's `greeting` or the `prompt`."""
        self._io.use_keys(media.srtp, now)
        if self.session is None:
            self._io.drain()
            self.session = RtpSession(media, now)
        else:
            self.session.update(media, now)
        self._outlet.use(self.session, media)
        self._model.bridge.speak_at(self._outlet.rate_hz)
        self.due_at, self.slot_at, self.stirred = _NEVER, 0, True
        if answered and not self.answered:
            self.answered = True
            self.session.restart(now)
            if not self._voice.prompt.active and self._voice.early != "greeting":
                self._model.leg.answered()
        elif not answered and early == "greeting" != self._voice.early:
            self._model.leg.answered()  # it may speak, though nobody listens to the caller yet
        if not answered:
            self._voice.early = early
        self._model.bridge.hold(self.answered and self.session.on_hold)
        self._telling.event(
            "media_started" if answered else "early_media",
            {
                "codec": media.codec.value,
                "ptime_ms": self._outlet.ptime_ms,
                "direction": media.direction.value,
                "remote": f"{media.remote_address}:{media.remote_rtp_port}",
            },
        )

    def on_rtp(self, now: float, wall: float) -> None:
        """A packet is in the RTP socket."""
        read = self._io.rtp(now, wall)
        if read is None or self.session is None:
            return
        packet, source, came = read
        for digit in self.session.receive(packet, source, came):
            self._on_rtp_digit(digit, came)
        self.due_at = self.session.due_at
        if self.session.moves != self._moves:
            self._moves = self.session.moves
            self._tell_move()

    def _tell_move(self) -> None:
        assert self.session is not None and self.session.remote is not None
        host, port = self.session.remote
        log.warning("call %s: the phone's audio comes from %s port %d now", self.sid, host, port)
        self._telling.event("source_moved", {"remote": f"{host}:{port}"})

    def on_rtcp(self, now: float, wall: float) -> None:
        """A packet is in the RTCP socket."""
        read = self._io.rtcp(now)
        if read is not None and self.session is not None:
            self.session.receive_rtcp(*read, now)

    def _on_rtp_digit(self, event: Dtmf, now: float) -> None:
        if self._keys.by_rtp(event.digit, now):
            self._on_digit(event)

    def _on_digit(self, event: Dtmf) -> None:
        if not self.answered:
            return
        self._model.leg.dtmf(event.digit, event.duration_ms)
        self._telling.event("dtmf", {"digit": event.digit, "duration_ms": event.duration_ms})

    def caller_frames(self, now: float, looked_at: float) -> list[CallerFrame]:
        """Frames of the caller that are due, in order; `looked_at`: when it was last looked whether
        any is. Each goes through `arrived`, the batch's filter, `send_up` and `judge`."""
        if self.session is None or not self.answered:
            self.due_at = _LATER
            return []
        frames = self.session.pull(now, looked_at)
        self.due_at = self.session.due_at
        if len(frames) >= BURST_FRAMES:
            self.uplink.disturbed()
        return frames

    def arrived(self, frame: CallerFrame) -> np.ndarray:
        """One caller frame on its way in; what is returned goes into the batch."""
        if self.recording is not None:
            self.recording.caller(frame.pcm)
        return self._hearing.arrived(frame)

    def upsampler(self) -> Resampler | None:
        """What is to bring the frame to the model's rate for `send_up`, if that is all."""
        return self._hearing.upsampler()

    def send_up(self, pcm: np.ndarray, resampled: np.ndarray | None) -> None:
        """The cleaned frame, to the model: at its rate, when there is an `upsampler`."""
        self._hearing.send_up(pcm, resampled)

    def judge(self, pcm: np.ndarray, probability: float, level_dbfs: float, now: float) -> None:
        """The frame that was sent up, with what the worker's batch found out about it."""
        self.stirred = True
        self._hearing.judge(pcm, probability, level_dbfs, now)

    @property
    def _voice_waits(self) -> bool:
        return self._voice.waits(self._model.bridge)

    def talks_in(self, n: int) -> bool:
        """Whether the agent's voice is to leave in phase `n`."""
        if self.session is None or not self.answered or not self._voice_waits:
            self.stirred = False
            return False
        self.stirred = not self._outlet.talking
        return self._outlet.may_begin(n, self._early_start)

    @property
    def begins_to_speak(self) -> bool:
        """The agent has something to say, and waits for the first phase that lets it."""
        if not self.stirred or not self.answered or self.session is None:
            return False
        return self._voice_waits and not self._outlet.talking

    def speak(self, n: int, now: float) -> None:
        """Send this call's packet if phase `n` is its slot."""
        if self.session is None or (not self.answered and self._voice.early == "none"):
            self.slot_at = _NO_PHASE
            return
        if self.answered:
            self._speak(n, now)
        else:
            self._speak_early(n, now)
        self.slot_at = self._outlet.next_phase

    def _speak(self, n: int, now: float) -> None:
        assert self.session is not None
        if missed := self._outlet.catch_up(n):
            self.uplink.skipped(missed)
        if not self._outlet.wants_frame(n, self._early_start and self._voice_waits, now):
            return
        on_hold = self.session.on_hold
        frame = self._voice.next(self._model.bridge, self._outlet.rate_hz, on_hold, now)
        coded = self._outlet.silence() if frame is None else self._outlet.encode(frame.pcm)
        if self.uplink.looks_for_echo:
            # On hold nothing leaves, and a digit takes the place of the audio.
            left = frame is not None and self.session.plays_audio
            self.uplink.sent(self._outlet.as_decoded(coded) if left else None)
        starts = frame is not None and frame.starts
        self._outlet.put(n, coded, now, starts=starts, talking=frame is not None)
        if self.recording is not None:
            self.recording.agent(coded.low)
        if self._model.parting.asked:
            self._part(frame is None, now)
        if self._voice.prompt.active and self._voice.prompt.ends():
            self._prompt_over()

    def _speak_early(self, n: int, now: float) -> None:
        """A packet before the answer: nothing comes in yet that an echo could be in."""
        self._outlet.catch_up(n)
        if not self._outlet.wants_frame(n, False, now):
            return
        rate_hz = self._outlet.rate_hz
        pcm, speaks = self._voice.next_early(self._model.bridge, rate_hz, now)
        self._outlet.put(n, self._outlet.encode(pcm), now, starts=False, talking=speaks)
        if self._voice.early == "prompt" and self._voice.prompt.ends():
            self._prompt_over()

    def _part(self, silent: bool, now: float) -> None:
        match self._model.parting.due(silent, now):
            case HangupAsked(reason, headers):
                self.end(
                    EndCall(sid=self.sid, cause="model_hangup", reason=reason, sip_headers=headers)
                )
            case TransferAsked(target, attended, headers):
                self._emit(
                    TransferCall(
                        sid=self.sid, target=target, attended=attended, sip_headers=headers
                    )
                )

    def send_digits(self, digits: str) -> None:
        """Press keys: in RTP, or by SIP INFO where the phone takes no telephone events."""
        if self.session is None:
            return
        if not self.session.takes_digits:
            self._emit(PressDigits(sid=self.sid, digits=digits))
            return
        for digit in digits:
            self.session.send_digit(digit)

    def on_info_digit(self, digit: str, duration_ms: int, now: float) -> None:
        """A key came by SIP INFO; not counted when it is the one that came in RTP."""
        if self._keys.by_info(digit, now):
            self._on_digit(Dtmf(digit, duration_ms))

    def transfer_progress(self, state: TransferState, code: int, reason: str) -> None:
        self._model.leg.transfer_progress(state, code, reason)

    def housekeeping(self, inactivity_secs: float, now: float) -> None:
        """Once a second: RTCP, and the peer's silence."""
        if self.session is None:
            return
        for digit in self.session.overdue_digits(now):
            self._on_rtp_digit(digit, now)
        report = self.session.rtcp(now)
        if report is not None:
            self._io.send_rtcp(report)
        silent = self.session.silent_for(now)
        if self.answered and silent > inactivity_secs:
            reason = f"no RTP from the phone for {silent:.0f} s"
            self.end(EndCall(sid=self.sid, cause="media_timeout", reason=reason))

    # --- the end, and what is told -------------------------------------------------------

    def abandon(self) -> None:
        """Another agent takes the call, before any media; nothing is told of this one."""
        self.ended = True
        self._model.leg.close("agent_replaced")
        if self.recording is not None:
            self.recording.close()

    def close(self, reason: str, now: float) -> None:
        """Free everything; the last message of the call is its report."""
        self._model.leg.close(reason)
        if self.session is not None:
            bye = self.session.bye(now)
            if bye is not None:
                self._io.send_rtcp(bye)
        if self.recording is not None:
            self.recording.close()
        rtp = None if self.session is None else self.session.stats
        model = self._model.figures()
        self._telling.report(rtp, self._io, self.uplink, self._model.bridge, model)
