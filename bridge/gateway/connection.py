"""One plugin's connection at the gateway: its calls, their agents, what is sent to it."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from aioquic.quic.connection import QuicConnection as AioQuic
from aioquic.quic.events import HandshakeCompleted, QuicEvent

from bridge.codec import CodecUnavailable
from bridge.gateway.agent import Agent, AgentCall, CallFailed, CallInfo
from bridge.gateway.events import AgentEvent, Ended
from bridge.gateway.session import Asked, Session
from bridge.wire import audio, messages
from bridge.wire.alarm import Alarm
from bridge.wire.errors import ErrorCode, WireError
from bridge.wire.limits import MAX_STREAM_BACKLOG, PEER_SILENT_AFTER
from bridge.wire.transport import NO_ERROR, REFUSED, WireProtocol

QUEUED_DATAGRAMS = 64
"""Frames given to QUIC at a time; the rest waits in its call, where a cancel can drop it."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class GatewayStats:
    """Counters over all connections and calls."""

    connections: int = 0
    calls: int = 0
    refused: int = 0
    failed: int = 0
    datagrams_malformed: int = 0
    datagrams_unknown: int = 0
    streams_refused: int = 0


class Host(Protocol):
    """The gateway that a connection belongs to."""

    stats: GatewayStats
    sids: set[str]
    protocols: "set[ServerProtocol]"

    def admit(self, asked: messages.Open) -> Agent: ...


class _Call:
    """One call: its session, its stream, and once it was accepted its agent."""

    def __init__(self, stream_id: int, now: float) -> None:
        self.stream_id = stream_id
        self.session = Session(stream_id // 4, now)
        self.agent_call: AgentCall | None = None
        self.task: asyncio.Task[None] | None = None
        self.sid = ""
        """Known once the call was accepted."""
        self.heard_end = False
        """The plugin has said its last on the stream."""
        self.said_end = False
        self.over = False

    @property
    def deadline(self) -> float | None:
        return self.session.deadline


class ServerProtocol(WireProtocol):
    def __init__(self, quic: AioQuic, host: Host) -> None:
        super().__init__(quic)
        self.tasks: set[asyncio.Task[None]] = set()
        self._host = host
        self._calls: dict[int, _Call] = {}
        self._speaking: dict[_Call, None] = {}
        """Calls with audio to send, in the order of their turns."""
        self._alarm: Alarm[_Call] = Alarm(self._overdue)
        self._silence = self._loop.call_later(PEER_SILENT_AFTER / 4, self._check_silence)
        host.protocols.add(self)

    # --- what arrives ------------------------------------------------------------------------

    def on_datagram(self, data: bytes, now: float) -> None:
        frame = audio.decode(data)
        if not isinstance(frame, audio.UplinkFrame):
            self.stats.datagrams_malformed += 1
            return
        call = self._calls.get(frame.call)
        if call is None:
            self.stats.datagrams_unknown += 1
            return
        self._deliver(call, call.session.receive_audio(frame, now))

    def on_stream(self, stream_id: int, data: bytes, ended: bool, now: float) -> None:
        if stream_id & 3:
            self.refuse_stream(stream_id)
            return
        call = self._calls.get(stream_id // 4)
        if call is None:
            call = self._calls[stream_id // 4] = _Call(stream_id, now)
        call.heard_end = ended
        self._deliver(call, call.session.receive_control(data, ended, now))

    def on_stop_sending(self, stream_id: int, code: int, now: float) -> None:
        pass

    def on_stream_reset(self, stream_id: int, code: int, now: float) -> None:
        call = self._calls.get(stream_id // 4)
        if call is not None and not stream_id & 3:
            call.heard_end = True
            self._deliver(call, call.session.receive_control(b"", True, now))

    def on_other(self, event: QuicEvent) -> None:
        if isinstance(event, HandshakeCompleted):
            self._host.stats.connections += 1
        if self.ended is not None:
            self._over()

    # --- what leaves -------------------------------------------------------------------------

    def transmit(self) -> None:
        """Send, feeding QUIC only as fast as the path takes it."""
        while True:
            fed = self._feed()
            super().transmit()
            if not fed or self.queued_datagrams:
                return

    def shut_down(self) -> None:
        """Tell every call that the gateway ends."""
        for call in list(self._calls.values()):
            call.session.refuse(ErrorCode.SHUTTING_DOWN, "the gateway is shutting down")
            self._deliver(call, [Ended(str(ErrorCode.SHUTTING_DOWN), "")])
        self.transmit()
        self.close(NO_ERROR, "shutting down")

    # --- inside ------------------------------------------------------------------------------

    def _feed(self) -> bool:
        """Pass frames of speaking calls to QUIC, one of each in turn; whether there were any."""
        fed = False
        while self._speaking and self.queued_datagrams < QUEUED_DATAGRAMS:
            for call in list(self._speaking):
                first = call.session.starts_reply
                datagram = call.session.next_datagram()
                if datagram is None:
                    del self._speaking[call]
                    self._send_control(call)
                else:
                    fed = True
                    self.queue_datagram(datagram, track=call.stream_id, twice=first)
                if call.agent_call is not None:
                    call.agent_call.drained()
        return fed

    def _deliver(self, call: _Call, events: Iterable[Asked | AgentEvent]) -> None:
        for event in events:
            if isinstance(event, Asked):
                self._admit(call, event.open)
            elif isinstance(event, Ended):
                self._call_over(call, event)
            elif call.agent_call is not None and not call.agent_call.put(event):
                call.session.refuse(ErrorCode.AGENT_FAILED, "the agent does not read its events")
                self._call_over(call, Ended(str(ErrorCode.AGENT_FAILED), "events unread"))
        self._touched(call)

    def _touched(self, call: _Call) -> None:
        """The call may have something to send, or a new deadline, or be over."""
        self._send_control(call)
        if call.session.backlog_ms:
            self._speaking[call] = None
        self._alarm.watch(call)
        if call.session.ended and call.heard_end:
            self._calls.pop(call.session.number, None)
        self.transmit_soon()

    def _send_control(self, call: _Call) -> None:
        data, last = call.session.take_control()
        if (data or last) and not call.said_end:
            call.said_end = last
            self.send_stream(call.stream_id, data, last)
            if last and not call.heard_end:
                self.stop_reading(call.stream_id)
            if self.stream_backlog(call.stream_id) > MAX_STREAM_BACKLOG and not last:
                call.session.refuse(ErrorCode.STALLED, "the plugin does not read its messages")
                self._call_over(call, Ended(str(ErrorCode.STALLED), "messages unread"))

    def _admit(self, call: _Call, asked: messages.Open) -> None:
        try:
            agent = self._host.admit(asked)
            agent_call = AgentCall(
                _info(asked),
                call.session,
                touched=lambda: self._touched(call),
                accept=lambda: self._accept(call),
            )
        except (WireError, CodecUnavailable) as problem:
            error = problem
            if isinstance(problem, CodecUnavailable):
                error = WireError(ErrorCode.CODEC_UNAVAILABLE, f"{asked.codec}: {problem}")
            log.warning("call %s refused: %s", asked.sid, error)
            self._host.stats.refused += 1
            call.session.refuse(error.code, error.message)
            return
        self._host.sids.add(asked.sid)
        self._host.stats.calls += 1
        log.info("call %s: %s, %s", asked.sid, asked.agent, asked.direction)
        call.sid = asked.sid
        call.agent_call = agent_call
        call.task = self._loop.create_task(self._serve(call, agent_call, agent))
        self.tasks.add(call.task)
        call.task.add_done_callback(self.tasks.discard)
        if not getattr(agent, "accepts_calls", False):
            self._accept(call)

    def _accept(self, call: _Call) -> None:
        if not call.session.accepted and not call.session.ended:
            self._deliver(call, call.session.accept(self.now))

    async def _serve(self, call: _Call, agent_call: AgentCall, agent: Agent) -> None:
        try:
            await agent(agent_call)
        except asyncio.CancelledError:
            raise
        except CallFailed as failed:
            call.session.refuse(failed.code, failed.message)
            self._call_over(call, Ended(failed.code, failed.message))
        except Exception:
            log.exception("call %s: its agent failed", call.sid)
            call.session.refuse(ErrorCode.AGENT_FAILED, "the agent failed")
            self._call_over(call, Ended(str(ErrorCode.AGENT_FAILED), "exception"))
        else:
            call.session.close("the agent is done")
            self._call_over(call, Ended("", "the agent is done"))
        self._touched(call)

    def _call_over(self, call: _Call, ended: Ended) -> None:
        if call.over:
            return
        call.over = True
        if ended.code:
            self._host.stats.failed += 1
            log.warning("call %s failed: %s: %s", call.sid, ended.code, ended.reason)
        elif call.sid:
            log.info("call %s ended: %s", call.sid, ended.reason)
        self._host.sids.discard(call.sid)
        self._speaking.pop(call, None)
        if call.agent_call is not None:
            call.agent_call.finish(ended)

    def _overdue(self, call: _Call, now: float) -> None:
        self._deliver(call, call.session.expire(now))

    def _check_silence(self) -> None:
        quiet_for = self.now - self.last_heard
        if quiet_for >= PEER_SILENT_AFTER:
            self.close(REFUSED, "the plugin was not heard from")
            return
        if quiet_for >= PEER_SILENT_AFTER / 4:
            self.ping(0)
            self.transmit_soon()
        self._silence = self._loop.call_later(PEER_SILENT_AFTER / 4, self._check_silence)

    def _over(self) -> None:
        """The connection has ended, and all of its calls with it."""
        self._silence.cancel()
        self._alarm.close()
        for call in self._calls.values():
            call.session.close("connection lost")
            self._call_over(call, Ended(str(ErrorCode.CONNECTION_LOST), "connection lost"))
        self._calls.clear()
        self._speaking.clear()
        self._host.stats.datagrams_malformed += self.stats.datagrams_malformed
        self._host.stats.datagrams_unknown += self.stats.datagrams_unknown
        self._host.stats.streams_refused += self.stats.streams_refused
        self._host.protocols.discard(self)


def _info(asked: messages.Open) -> CallInfo:
    return CallInfo(
        sid=asked.sid,
        direction=asked.direction,
        caller=asked.caller,
        called=asked.called,
        headers=dict(asked.headers),
        codec=asked.codec,
        input_rate_hz=asked.input_rate_hz,
        output_rate_hz=asked.output_rate_hz,
        greeting=asked.greeting,
        greets_first=asked.greets_first,
    )
