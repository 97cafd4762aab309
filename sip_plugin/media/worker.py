"""A worker: the calls of one core, their RTP sockets, one clock, one connection an endpoint."""

import asyncio
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bridge.agent import AgentSpec
from bridge.audio.canceller import CancellerUnavailable
from bridge.leg.endpoints import Endpoints
from bridge.leg.interface import CallFacts, ModelEvent
from bridge.profile import LegProfile
from bridge.uplink import Uplink
from sip_plugin.config import Config
from sip_plugin.media.call import MediaCall
from sip_plugin.media.ports import PortPair, PortPool, PortsExhausted
from sip_plugin.media.prompt import Sound
from sip_plugin.media.prompts import Prompts
from sip_plugin.media.recording import Recording
from sip_plugin.media.tick import Tick
from sip_plugin.media.wavefile import NotPlayable
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

RECONNECT_SECS = 0.2
"""Between attempts to reach the SIP process, which the supervisor restarts."""

log = logging.getLogger(__name__)


class Worker:
    """Serves the SIP process until cancelled. All its state is on one event loop's thread."""

    def __init__(self, config: Config, name: str) -> None:
        self._config = config.media
        self._name = name
        self._now = time.monotonic
        self._pool = PortPool(
            config.media.bind_address, config.media.rtp_start_port, config.media.rtp_end_port
        )
        self._leases: dict[str, PortPair] = {}
        self._lease_number = 0
        self._calls: dict[str, MediaCall] = {}
        self._next_phase = 0
        self._missing_engines: set[str] = set()
        self._load_cancellers(config)
        self._endpoints = Endpoints()
        self._tick = Tick(
            name,
            time.monotonic,
            self._endpoints.flush,
            self._tell_model_link,
            config.media.inactivity_secs,
        )
        self._guard = self._tick.guard
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
        self._tick.begin()
        for agent in self._agents.values():
            self._endpoints.connect(agent)
        try:
            while True:
                await self._serve(path)
                await asyncio.sleep(RECONNECT_SECS)
        finally:
            self._tick.stop()
            if skipped := self._tick.skipped:
                log.warning("%s: %d phases of 2.5 ms were skipped", self._name, skipped)

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
                try:
                    self._on_message(message)
                except Exception:
                    log.exception("%s: %s failed", self._name, type(message).__name__)
                    if sid := getattr(message, "sid", ""):
                        self._emit(EndCall(sid=sid, cause="media_failed", reason="internal error"))
                self._tick.stir()
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
                    self._guard.run(call, call.start, media, answered, self._now(), early)
            case PlayPrompt(sid=sid, prompt=prompt):
                if call := self._calls.get(sid):
                    self._guard.run(call, call.play, prompt)
                    self._fetch(call, prompt)
            case ChangeLeg(sid=sid, leg=leg):
                if call := self._calls.get(sid):
                    self._guard.run(call, call.change_leg, leg, self._uplink(leg))
            case SendDigits(sid=sid, digits=digits):
                if call := self._calls.get(sid):
                    self._guard.run(call, call.send_digits, digits)
            case DigitPressed(sid=sid, digit=digit, duration_ms=duration_ms):
                if call := self._calls.get(sid):
                    self._guard.run(call, call.on_info_digit, digit, duration_ms, self._now())
            case TransferProgress(sid=sid, state=state, code=code, reason=reason):
                if call := self._calls.get(sid):
                    self._guard.run(call, call.transfer_progress, state, code, reason)
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
        try:
            call = self._make(message, ports)
        except Exception:
            self._pool.release(ports)
            raise
        self._calls[sid] = call
        self._tick.open(call)
        if message.agent is not None:
            self._open_model(call, message, message.agent)
        if message.prompt is not None:
            self._fetch(call, message.prompt)
        call.tell_ready()
        self._offer()

    def _make(self, message: OpenCall, ports: PortPair) -> MediaCall:
        self._next_phase += 1
        call = MediaCall(
            message,
            ports,
            self._uplink(message.leg),
            self._next_phase,
            self._config.max_playout_secs,
            self._emit,
        )
        own = message.agent.record_dir if message.agent else None
        if folder := self._config.record_dir if own is None else own:
            call.recording = Recording(Path(folder, f"{message.sid}.wav"), self._disk)
        return call

    def _open_model(self, call: MediaCall, message: OpenCall, agent: AgentSpec) -> None:
        facts = CallFacts(
            message.sid, message.direction, message.caller, message.called, message.headers
        )

        def on_event(event: ModelEvent) -> None:
            self._guard.run(call, call.on_model, event, self._now())
            self._tick.stir()

        call.attach(self._endpoints.open_call(facts, agent, on_event))

    def _fetch(self, call: MediaCall, prompt: PromptSpec) -> None:
        def done(found: Sound | NotPlayable) -> None:
            self._guard.run(call, call.on_prompt, found)
            self._tick.stir()

        self._prompts.fetch(prompt.file, done)

    def _close(self, sid: str, reason: str) -> None:
        call = self._detach(sid)
        if call is not None:
            self._guard.last(call, call.close, reason, self._now())
            self._pool.release(call.ports)

    def _take_back(self, sid: str) -> PortPair | None:
        """The ports of a call whose agent failed; its SDP may be on its way already."""
        call = self._detach(sid)
        if call is None:
            return None
        self._guard.last(call, call.abandon)
        return call.ports

    def _detach(self, sid: str) -> MediaCall | None:
        call = self._calls.pop(sid, None)
        if call is not None:
            self._tick.close(call)
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

    async def close(self) -> None:
        for sid in list(self._calls):
            self._close(sid, "worker_stopped")
        await self._endpoints.close()
        self._disk.shutdown()
        self._reader.shutdown(wait=False, cancel_futures=True)
