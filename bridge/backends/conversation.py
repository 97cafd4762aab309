"""A call on one side, a server on the other: carries what the dialect says between them."""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from bridge.audio.frames import FRAME_MS
from bridge.backends.audio import FromServer, ToServer
from bridge.backends.farewell import Farewell
from bridge.backends.fields import plain
from bridge.backends.functions import Function, Functions
from bridge.backends.interface import (
    AudioFormat,
    BackendEvent,
    Dialect,
    Expires,
    Failed,
    Lost,
    Message,
    Noticed,
    Ready,
    Reconnect,
    ReplyDone,
    Said,
    Speech,
    ToolCalled,
    Used,
)
from bridge.backends.server_line import ServerLine
from bridge.backends.servers import Servers
from bridge.backends.socket import SocketFailed
from bridge.backends.tools import Action, Hangup, SendDtmf, Transfer
from bridge.backends.transferring import TAIL_MS, ended, words_of
from bridge.gateway.agent import AgentCall
from bridge.gateway.events import (
    AgentEvent,
    Answered,
    CallerAudio,
    Cancelled,
    Committed,
    Digit,
    NoInput,
    Primed,
    TransferProgress,
)
from bridge.wire.rate import TokenBucket

MAX_MADE_UP = 10
"""Frames lost on the way that are replaced by silence."""
REPORT_BURST, REPORT_RATE = 40, 10
"""Transcripts, usage and notices for the plugin, whose bound is 50 messages a second."""

log = logging.getLogger(__name__)


class Conversation:
    def __init__(
        self, servers: Servers, call: AgentCall, dialect: Dialect, functions: Mapping[str, Function]
    ) -> None:
        self._servers = servers
        self._call = call
        self._core = dialect
        self._loop = asyncio.get_running_loop()
        self._line = ServerLine(servers, call.info.sid, self)
        self._up = ToServer(call.info.input_rate_hz, dialect.capabilities.input)
        self._down: tuple[int, FromServer] | None = None
        """The turn that is spoken, and its resampler."""
        self._speech: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()
        """Samples, G.711 bytes, None for the end of a reply, or what to do after it; bounded by the
        dialect, which bounds a reply."""
        self._parting: tuple[int, Action] | None = None
        """The turn in whose reply the model asked for it, and what to do when that was spoken."""
        self._farewell = Farewell(call)
        self._left_open: int | None = None
        """The turn whose reply may go on when the transfer has failed."""
        self._accepted = False
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._functions = Functions(call.info, servers.options.tools, functions)
        self._reports = TokenBucket(REPORT_BURST, REPORT_RATE, self._loop.time())

    async def run(self) -> None:
        """Until the call is over. Raises CallFailed."""
        parts = [
            asyncio.create_task(part) for part in (self._listen(), self._speak(), self._line.run())
        ]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            parts += self._tasks
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
            self._farewell.close()
            self._servers.stats.dropped.update(self._core.dropped)

    # --- the call ----------------------------------------------------------------------------

    async def _listen(self) -> None:
        async for event in self._call:
            self._take(event, self._loop.time())

    def _take(self, event: AgentEvent, now: float) -> None:
        core = self._core
        events: list[BackendEvent] = []
        self._farewell.take(event)
        match event:
            case CallerAudio():
                self._hear(event)
                self._line.renew(now)
            case Answered():
                core.answered(now)
            case Primed(turn=turn):
                core.prime(turn, now)
            case Committed(turn=turn):
                self._left_open = None
                events = core.commit(turn, now)
            case NoInput(turn=turn) if self._farewell.transferring:
                self._left_open = turn  # they wait for the other phone: nothing to say yet
            case NoInput(turn=turn):
                self._left_open = None
                events = core.no_input(turn, now)
            case Cancelled(turn=turn, heard_ms=heard_ms):
                if self._left_open is not None and self._left_open <= turn:
                    self._left_open = None
                events = core.cancel(turn, heard_ms, now)
            case Digit(digit=digit):
                core.digit(digit)
            case TransferProgress() if ended(event):
                open_turn, self._left_open = self._left_open, None
                events = core.tell(words_of(event), open_turn, now)
            case _:
                return
        self._handle(events)

    def _hear(self, frame: CallerAudio) -> None:
        """G.711 of the phone passes untouched to a server that takes it."""
        untouched = self._is_the_calls(self._core.capabilities.input)
        for _ in range(min(frame.missing, MAX_MADE_UP)):
            silence = self._core.capabilities.input.silence * FRAME_MS
            self._core.hear(silence if untouched else self._up.push(bytes(len(frame.pcm))))
        self._core.hear(frame.payload if untouched else self._up.push(frame.pcm))

    def _is_the_calls(self, format: AudioFormat) -> bool:
        return format.encoding == self._call.info.codec != "pcm16"

    async def _speak(self) -> None:
        """Replies at the pace of the path."""
        speaking, spoken_ms = -1, 0.0
        while True:
            turn, what = await self._speech.get()
            if turn != speaking:
                speaking, spoken_ms = turn, 0.0
            match what:
                case None:
                    await self._call.end(turn)
                case Hangup() | Transfer():
                    self._farewell.part(turn, spoken_ms, what)
                    if spoken_ms and isinstance(what, Transfer):
                        await self._pause(turn)
                        spoken_ms += TAIL_MS
                case bytes():
                    spoken_ms += len(what) / 8
                    await self._call.send_encoded(what, turn)
                case _:
                    spoken_ms += len(what) * 1000 / self._call.info.output_rate_hz
                    await self._call.send(what, turn)

    async def _pause(self, turn: int) -> None:
        """Quiet, in the encoding of the words before it."""
        format = self._core.capabilities.output
        if self._is_the_calls(format):
            await self._call.send_encoded(format.silence * TAIL_MS, turn)
            return
        samples = TAIL_MS * self._call.info.output_rate_hz // 1000
        await self._call.send(np.zeros(samples, np.int16), turn)

    # --- the server --------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        return self._core.idle

    def on_connected(self) -> None:
        self._handle(self._core.connected(self._loop.time()))

    def on_message(self, message: Message) -> None:
        self._handle(self._core.receive(message, self._loop.time()))

    def on_trouble(self, failed: SocketFailed) -> None:
        if self._accepted:
            self._report(Noticed(failed.code, f"{failed.message}; connecting again"))

    # --- between them ------------------------------------------------------------------------

    def _handle(self, events: list[BackendEvent]) -> None:
        line = self._line
        for event in events:
            match event:
                case Ready():
                    line.taken()
                    if not self._accepted:
                        self._accepted = True
                        self._call.accept()
                case Speech():
                    self._on_speech(event)
                case Expires(at=at):
                    line.ends_in(at - time.time())
                case ReplyDone(turn=turn):
                    self._on_reply_done(turn)
                case ToolCalled():
                    self._on_tool(event)
                case Said() | Used() | Noticed():
                    self._report(event)
                case Lost(code=code, message=message):
                    line.fail(SocketFailed(code, plain(message)))
                case Reconnect():
                    line.replace()
                case Failed(code=code, message=message):
                    line.fail(SocketFailed(code, plain(message), lasting=True))
        if line.connected:
            line.send(self._core.take())
        self._arm()

    def _on_speech(self, event: Speech) -> None:
        if self._is_the_calls(event.format):
            self._speech.put_nowait((event.turn, event.data))
            return
        if self._down is None or self._down[0] != event.turn or self._down[1].given != event.format:
            converter = FromServer(event.format, self._call.info.output_rate_hz)
            self._down = (event.turn, converter)
        self._speech.put_nowait((event.turn, self._down[1].push(event.data)))

    def _on_reply_done(self, turn: int) -> None:
        self._servers.stats.replies += 1
        self._line.served()
        parting, self._parting = self._parting, None
        if parting is not None and parting[0] != turn:
            parting = None
        if parting is not None and isinstance(parting[1], Transfer):
            self._left_open = turn
        else:
            self._speech.put_nowait((turn, None))
        if parting is not None:
            self._speech.put_nowait(parting)

    def _report(self, event: Said | Used | Noticed) -> None:
        if isinstance(event, Noticed):
            self._servers.stats.notices[event.code] += 1
        if not self._reports.take(self._loop.time()):
            return
        match event:
            case Said(role=role, text=text, turn=turn, final=final):
                self._call.transcript(role, plain(text), turn, final)
            case Used():
                self._call.used(event.turn, event.input_tokens, event.output_tokens, event.details)
            case Noticed(code=code, message=message):
                message = plain(message)  # a log is UTF-8, too
                log.warning("call %s: %s: %s", self._call.info.sid, code, message)
                self._call.notice(code, message)

    def _on_tool(self, event: ToolCalled) -> None:
        if self._reports.take(self._loop.time()):
            self._call.tool_called(plain(event.name), plain(event.arguments), event.turn)
        task = asyncio.create_task(self._run_tool(event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_tool(self, event: ToolCalled) -> None:
        outcome = await self._functions.run(event.name, event.arguments)
        if isinstance(outcome.action, SendDtmf):
            self._call.send_dtmf(outcome.action.digits)
        elif outcome.action is not None:
            self._parting = event.turn, outcome.action
        now = self._loop.time()
        self._handle(self._core.tool_done(event.call_id, outcome.result, outcome.reply, now))

    def _arm(self) -> None:
        """Wake the dialect at its deadline."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self._core.deadline
        if deadline is not None:
            self._timer = self._loop.call_at(deadline, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self._handle(self._core.expire(self._loop.time()))
