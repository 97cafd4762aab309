"""A worker: the calls of one core, their RTP sockets, one clock, one connection an endpoint."""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from bridge.agent import AgentSpec
from bridge.audio.canceller import CancellerUnavailable
from bridge.audio.level import dbfs
from bridge.audio.vad import BatchVad
from bridge.leg.endpoints import Endpoints
from bridge.leg.interface import CallFacts
from bridge.profile import LegProfile
from bridge.uplink import Uplink
from sip_plugin.config import Config
from sip_plugin.media.call import MediaCall
from sip_plugin.media.clock import PHASES_PER_FRAME, PhaseClock
from sip_plugin.media.ports import PortPair, PortPool, PortsExhausted
from sip_plugin.media.prompts import Prompts
from sip_plugin.media.recording import Recording
from sip_plugin.planes.link import Link, PlaneError, connect
from sip_plugin.planes.messages import (
    ChangeLeg,
    CloseCall,
    DigitPressed,
    EndCall,
    Hello,
    Lease,
    Message,
    ModelFailed,
    ModelLink,
    OfferLeases,
    OpenCall,
    Ping,
    PlayPrompt,
    Pong,
    PromptSpec,
    SendDigits,
    StartMedia,
    TransferProgress,
)

HOUSEKEEPING_PHASES = 200
"""Once a second for each call, spread over the second."""
RECONNECT_SECS = 0.2
"""Between attempts to reach the SIP process, which the supervisor restarts."""

log = logging.getLogger(__name__)


class Worker:
    """Serves the SIP process until cancelled. All its state is on one event loop's thread."""

    def __init__(self, config: Config, name: str) -> None:
        self._config = config.media
        self._name = name
        self._now: Callable[[], float] = time.monotonic
        self._pool = PortPool(
            config.media.bind_address, config.media.rtp_start_port, config.media.rtp_end_port
        )
        self._leases: dict[str, PortPair] = {}
        self._lease_number = 0
        self._calls: dict[str, MediaCall] = {}
        self._slots: dict[str, int] = {}
        self._next_phase = 0
        self._vad = BatchVad()
        self._missing_engines: set[str] = set()
        self._load_cancellers(config)
        self._endpoints = Endpoints()
        self._agents = config.agents
        self._model_told: bool | None = None
        """What the SIP process knows of our model connections."""
        self._disk = ThreadPoolExecutor(1, "recording")
        self._reader = ThreadPoolExecutor(1, "prompts")
        self._prompts = Prompts(self._reader)
        self._link: Link | None = None

    # --- plane ---------------------------------------------------------------------------

    async def run(self, path: str) -> None:
        """Follow the SIP process at `path`, and again after it was restarted."""
        self._loop = asyncio.get_running_loop()
        self._clock = clock = PhaseClock(self._on_phase)
        for agent in self._agents.values():
            self._endpoints.connect(agent)
        try:
            while True:
                await self._serve(path)
                await asyncio.sleep(RECONNECT_SECS)
        finally:
            clock.stop()
            if clock.skipped:
                log.warning("%s: %d phases of 5 ms were skipped", self._name, clock.skipped)

    async def _serve(self, path: str) -> None:
        try:
            self._link = await connect(path)
        except OSError:
            return
        self._emit(Hello(role="worker", name=self._name, pid=os.getpid()))
        self._model_told = None
        self._tell_model_link()
        self._offer()
        try:
            async for message in self._link:
                self._on_message(message)
        except PlaneError as error:
            log.error("%s: SIP process sent %s", self._name, error)
        finally:
            self._link.close()
            self._link = None
            self._orphan()

    def _emit(self, message: Message) -> None:
        if self._link is not None:
            self._link.send(message)

    def _on_message(self, message: Message) -> None:
        match message:
            case OpenCall():
                self._open(message)
            case StartMedia(sid=sid, media=media, answered=answered, early=early):
                if call := self._calls.get(sid):
                    call.start(media, answered, self._now(), early)
            case PlayPrompt(sid=sid, prompt=prompt):
                if call := self._calls.get(sid):
                    call.play(prompt)
                    self._fetch(call, prompt)
            case ChangeLeg(sid=sid, leg=leg):
                if call := self._calls.get(sid):
                    call.change_leg(leg, self._uplink(leg))
            case SendDigits(sid=sid, digits=digits):
                if call := self._calls.get(sid):
                    call.send_digits(digits)
            case DigitPressed(sid=sid, digit=digit, duration_ms=duration_ms):
                if call := self._calls.get(sid):
                    call.on_info_digit(digit, duration_ms, self._now())
            case TransferProgress(sid=sid, state=state, code=code, reason=reason):
                if call := self._calls.get(sid):
                    call.transfer_progress(state, code, reason)
            case CloseCall(sid=sid, reason=reason):
                self._close(sid, reason)
            case Ping(n=n):
                self._emit(Pong(n=n))
            case _:
                log.error("%s: unexpected %s", self._name, type(message).__name__)

    def _tell_model_link(self) -> None:
        connected = self._endpoints.any_connected
        if connected != self._model_told and self._link is not None:
            self._model_told = connected
            self._emit(ModelLink(connected=connected))

    def _offer(self) -> None:
        """Keep the SIP process stocked with bound ports."""
        offered = []
        while len(self._leases) < self._config.leases_per_worker:
            try:
                ports = self._pool.lease()
            except PortsExhausted as error:
                log.error("%s: %s", self._name, error)
                break
            self._lease_number += 1
            lease_id = f"{self._name}.{os.getpid()}.{self._lease_number}"
            self._leases[lease_id] = ports
            offered.append(
                Lease(lease_id=lease_id, address=self._config.bind_address, port=ports.port)
            )
        if offered:
            self._emit(OfferLeases(leases=tuple(offered)))

    # --- calls ---------------------------------------------------------------------------

    def _load_cancellers(self, config: Config) -> None:
        """Now, for the first call would make its worker stand still while they load."""
        for trunk in config.trunks:
            for agent in config.agents:
                self._uplink(config.leg_of(trunk, agent))

    def _uplink(self, profile: LegProfile) -> Uplink:
        """A call's way in; without a canceller when its engine does not load."""
        try:
            return Uplink(profile)
        except CancellerUnavailable as error:
            if profile.canceller not in self._missing_engines:
                self._missing_engines.add(profile.canceller)
                log.error("%s: calls go without echo canceller: %s", self._name, error)
            return Uplink(profile.model_copy(update={"canceller": "none"}))

    def _open(self, message: OpenCall) -> None:
        sid = message.sid
        if message.again:
            ports = self._take_back(sid)
        else:
            ports = None if sid in self._calls else self._leases.pop(message.lease_id, None)
        if ports is None:
            log.error("%s: call %s names lease %s twice", self._name, sid, message.lease_id)
            self._emit(ModelFailed(sid=sid, code="lease_unknown", reason="no such RTP lease"))
            return
        self._next_phase += 1
        call = MediaCall(
            message,
            ports,
            self._uplink(message.leg),
            self._next_phase,
            self._config.max_playout_secs,
            self._emit,
        )
        self._calls[sid] = call
        self._slots[sid] = self._vad.open()
        own = message.agent.record_dir if message.agent else None
        if folder := self._config.record_dir if own is None else own:
            call.recording = Recording(Path(folder, f"{sid}.wav"), self._disk)
        self._loop.add_reader(ports.rtp, call.on_rtp, self._now)
        self._loop.add_reader(ports.rtcp, call.on_rtcp, self._now)
        if message.agent is not None:
            self._open_model(call, message, message.agent)
        if message.prompt is not None:
            self._fetch(call, message.prompt)
        call.tell_ready()
        self._offer()

    def _open_model(self, call: MediaCall, message: OpenCall, agent: AgentSpec) -> None:
        facts = CallFacts(
            message.sid, message.direction, message.caller, message.called, message.headers
        )
        call.attach(
            self._endpoints.open_call(
                facts, agent, lambda event: self._guard(call, call.on_model, event)
            )
        )

    def _fetch(self, call: MediaCall, prompt: PromptSpec) -> None:
        self._prompts.fetch(prompt.file, lambda found: self._guard(call, call.on_prompt, found))

    def _close(self, sid: str, reason: str) -> None:
        call = self._detach(sid)
        if call is not None:
            call.close(reason, self._now())
            self._pool.release(call.ports)

    def _take_back(self, sid: str) -> PortPair | None:
        """The ports of a call whose agent failed; its SDP may be on its way already."""
        call = self._detach(sid)
        if call is None:
            return None
        call.abandon()
        return call.ports

    def _detach(self, sid: str) -> MediaCall | None:
        call = self._calls.pop(sid, None)
        if call is not None:
            self._loop.remove_reader(call.ports.rtp)
            self._loop.remove_reader(call.ports.rtcp)
            self._vad.close(self._slots.pop(sid))
        return call

    def _orphan(self) -> None:
        """The SIP process is gone, and with it whoever could end these calls."""
        if self._calls:
            log.error("%s: SIP process gone, %d calls end", self._name, len(self._calls))
        for sid in list(self._calls):
            self._close(sid, "sip_process_lost")
        for ports in self._leases.values():
            self._pool.release(ports)
        self._leases.clear()

    def _guard(self, call: MediaCall, step: Callable[..., Any], *arguments: object) -> Any:
        """Run a step of one call; what goes wrong in it costs only this call."""
        if call.ended:
            return None
        try:
            return step(*arguments, self._now())
        except Exception:
            log.exception("%s: call %s failed", self._name, call.sid)
            call.end(EndCall(sid=call.sid, cause="media_failed", reason="internal error"))
            return None

    # --- clock ---------------------------------------------------------------------------

    def _on_phase(self, n: int) -> None:
        # Somebody waits for the agent's voice and for the caller's, nobody for silence.
        for call in [call for call in self._calls.values() if call.talks_in(n)]:
            self._guard(call, call.speak, n)
        if not self._clock.behind:
            # What was sent in the phases that are made up for is the reference of what came.
            self._hear()
        self._endpoints.flush()
        for call in [call for call in self._calls.values() if call.sends_in(n)]:
            self._guard(call, call.speak, n)
        if n % PHASES_PER_FRAME == 0:
            self._keep_house(n)

    def _hear(self) -> None:
        """Take every caller frame that is due, in batches of one frame a call."""
        waiting = []
        for call in self._calls.values():
            frames = self._guard(call, call.caller_frames)
            if frames:
                waiting.append((call, frames))
        while waiting:
            calls, cleaned = [], []
            for call, frames in waiting:
                pcm = self._guard(call, call.clean, frames[0])
                if pcm is not None:
                    calls.append(call)
                    cleaned.append(pcm)
            if calls:
                self._judge(calls, np.stack(cleaned))
            waiting = [(call, frames[1:]) for call, frames in waiting if len(frames) > 1]

    def _judge(self, calls: list[MediaCall], batch: np.ndarray) -> None:
        """One frame of each of `calls`, int16 `[n, 160]`: whether it is speech, what follows."""
        probabilities = self._vad.push([self._slots[call.sid] for call in calls], batch)
        levels = dbfs(batch)
        for i, call in enumerate(calls):
            self._guard(call, call.hear, batch[i], float(probabilities[i]), float(levels[i]))

    def _keep_house(self, n: int) -> None:
        self._tell_model_link()
        for i, call in enumerate(self._calls.values()):
            if (n // PHASES_PER_FRAME + i) % (HOUSEKEEPING_PHASES // PHASES_PER_FRAME) == 0:
                self._guard(call, call.housekeeping, self._config.inactivity_secs)

    async def close(self) -> None:
        for sid in list(self._calls):
            self._close(sid, "worker_stopped")
        await self._endpoints.close()
        self._disk.shutdown()
        self._reader.shutdown(wait=False, cancel_futures=True)
