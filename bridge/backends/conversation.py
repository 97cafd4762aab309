"""A call on one side, a server on the other: carries what the dialect says between them."""

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import aiohttp

from bridge.audio.frames import FRAME_MS
from bridge.backends.audio import FromServer, ToServer
from bridge.backends.functions import Function, Functions
from bridge.backends.interface import (
    AudioFormat,
    BackendEvent,
    Dialect,
    Expires,
    Failed,
    Lost,
    Noticed,
    Ready,
    Reconnect,
    ReplyDone,
    Said,
    Speech,
    ToolCalled,
    Used,
)
from bridge.backends.options import ServerOptions
from bridge.backends.places import Places
from bridge.backends.socket import ServerSocket, SocketFailed, connect
from bridge.backends.tools import Action, Hangup, SendDtmf, Transfer
from bridge.gateway.agent import AgentCall, CallFailed, CallInfo
from bridge.gateway.events import (
    AgentEvent,
    Answered,
    CallerAudio,
    Cancelled,
    Committed,
    Digit,
    NoInput,
    Primed,
)
from bridge.wire.rate import TokenBucket

LONGEST_PAUSE = 5.0
"""Before any attempt, whatever the server asks for: the caller waits."""
RENEWED_BEFORE = 60.0
"""The end of a session, as the server told it; of a short one, a quarter of it."""
SHORTEST_SESSION = 2.0
MAX_MADE_UP = 10
"""Frames lost on the way that are replaced by silence."""
RECONNECT_PAUSE = 0.2
"""Before the second attempt; it doubles with each."""
REPORT_BURST, REPORT_RATE = 40, 10
"""Transcripts, usage and notices for the plugin, whose bound is 50 messages a second."""

log = logging.getLogger(__name__)


class ServerAgent:
    """An agent whose model is a server. Takes a call when the server has taken it."""

    accepts_calls = True

    def __init__(
        self,
        name: str,
        urls: Sequence[str],
        options: ServerOptions,
        dialect: Callable[[CallInfo], Dialect],
        functions: Mapping[str, Function] | None = None,
    ) -> None:
        """Raises OSError or ssl.SSLError for a `ca_file` that cannot be read."""
        self.name = name
        self.places = Places(urls)
        self.options = options
        self.dialect = dialect
        self.functions = dict(functions or {})
        self.calls = 0
        self.tls = ssl.create_default_context(cafile=options.ca_file) if options.ca_file else None

    async def __call__(self, call: AgentCall) -> None:
        limit = self.options.max_calls
        if limit and self.calls >= limit:
            raise CallFailed("too_many_calls", f"{self.calls} calls of {self.name} are open")
        self.calls += 1
        try:
            await _Conversation(self, call).run()
        finally:
            self.calls -= 1

    def headers(self, sid: str) -> dict[str, str]:
        """Of the WebSocket's request."""
        options = self.options
        headers = {name: value.get_secret_value() for name, value in options.headers.items()}
        if key := options.api_key.get_secret_value():
            headers["Authorization"] = f"Bearer {key}"
        if options.routing_header:
            headers[options.routing_header] = options.routing_key or sid
        return headers


class _Conversation:
    def __init__(self, agent: ServerAgent, call: AgentCall) -> None:
        self._agent = agent
        self._call = call
        self._core = agent.dialect(call.info)
        self._loop = asyncio.get_running_loop()
        self._up = ToServer(call.info.input_rate_hz, self._core.capabilities.input)
        self._down: tuple[int, FromServer] | None = None
        """The turn that is spoken, and its resampler."""
        self._speech: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()
        """Samples, G.711 bytes, None for the end of a reply, or what to do after it; bounded by the
        dialect, which bounds a reply."""
        self._parting: Action | None = None
        """What to do when the reply in which the model asked for it has been spoken."""
        self._socket: ServerSocket | None = None
        self._url = ""
        self._session_began = 0.0
        self._session_ends: float | None = None
        """Before the time at which the server says that it will end it."""
        self._verdict: asyncio.Future[None] = self._loop.create_future()
        """Ends the exchange with the server: a result for another connection, or an exception."""
        self._attempts = self._all_attempts
        self._accepted = False
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._functions = Functions(call.info, agent.options.tools, agent.functions)
        self._reports = TokenBucket(REPORT_BURST, REPORT_RATE, self._loop.time())

    @property
    def _all_attempts(self) -> int:
        return self._agent.options.reconnects + len(self._agent.places) - 1

    async def run(self) -> None:
        """Until the call is over. Raises CallFailed."""
        parts = [
            asyncio.create_task(part) for part in (self._listen(), self._speak(), self._connect())
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
            self._verdict.cancel()

    # --- the call ----------------------------------------------------------------------------

    async def _listen(self) -> None:
        async for event in self._call:
            self._take(event, self._loop.time())

    def _take(self, event: AgentEvent, now: float) -> None:
        core = self._core
        events: list[BackendEvent] = []
        match event:
            case CallerAudio():
                self._hear(event)
                self._renew(now)
            case Answered():
                core.answered(now)
            case Primed(turn=turn):
                core.prime(turn, now)
            case Committed(turn=turn):
                events = core.commit(turn, now)
            case NoInput(turn=turn):
                events = core.no_input(turn, now)
            case Cancelled(turn=turn, heard_ms=heard_ms):
                self._parting = None
                events = core.cancel(turn, heard_ms, now)
            case Digit(digit=digit):
                core.digit(digit)
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
        while True:
            turn, what = await self._speech.get()
            match what:
                case None:
                    await self._call.end(turn)
                case Hangup(reason=reason):
                    self._call.hangup(reason)
                case Transfer(target=target):
                    self._call.transfer(target)
                case bytes():
                    await self._call.send_encoded(what, turn)
                case _:
                    await self._call.send(what, turn)

    # --- the server --------------------------------------------------------------------------

    async def _connect(self) -> None:
        """Keeps a connection. Raises CallFailed when there can be none."""
        async with aiohttp.ClientSession() as http:
            pause = RECONNECT_PAUSE
            places = self._agent.places
            refused: frozenset[str] = frozenset()
            url = places.best(self._loop.time())
            while True:
                assert url is not None
                try:
                    await self._exchange(http, url)
                    pause = RECONNECT_PAUSE
                    url = places.best(self._loop.time(), refused)
                except SocketFailed as failed:
                    log.warning("call %s: %s: %s", self._call.info.sid, self._agent.name, failed)
                    places.failed(url, self._loop.time())
                    if failed.lasting:
                        refused |= {url}
                    before, url = url, places.best(self._loop.time(), refused)
                    if url is None or not self._attempts:
                        raise CallFailed(failed.code, failed.message) from None
                    self._attempts -= 1
                    if self._accepted:
                        self._report(Noticed(failed.code, f"{failed.message}; connecting again"))
                    if url == before:
                        wait = pause if failed.wait_secs is None else failed.wait_secs
                        await asyncio.sleep(min(wait, LONGEST_PAUSE))
                        pause *= 2

    async def _exchange(self, http: aiohttp.ClientSession, url: str) -> None:
        """One connection, until another is needed. Raises SocketFailed or CallFailed."""
        agent = self._agent
        sid = self._call.info.sid
        timeout = agent.options.connect_timeout_secs
        socket = await connect(http, url, agent.headers(sid), agent.tls, timeout)
        self._socket = socket
        self._url = url
        self._verdict = self._loop.create_future()
        self._session_began = self._loop.time()
        self._session_ends = None
        reader = asyncio.create_task(self._read(socket))
        try:
            self._handle(self._core.connected(self._session_began))
            await asyncio.wait({reader, self._verdict}, return_when=asyncio.FIRST_COMPLETED)
            if self._verdict.done():
                self._verdict.result()
            else:
                reader.result()
        finally:
            self._socket = None
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            await socket.close()

    async def _read(self, socket: ServerSocket) -> None:
        async for message in socket.messages():
            if self._verdict.done():
                return
            self._handle(self._core.receive(message, self._loop.time()))

    def _ends_in(self, secs: float) -> None:
        """The server says when it ends the session: renew it a while before that."""
        if secs > SHORTEST_SESSION:  # less is a clock that is wrong, or of no use
            self._session_ends = self._loop.time() + secs - min(RENEWED_BEFORE, secs / 4)

    def _renew(self, now: float) -> None:
        """Replace a session that is old, while nobody speaks."""
        ends = self._session_began + self._agent.options.session_secs
        if self._session_ends is not None:
            ends = min(ends, self._session_ends)
        if self._socket is not None and now > ends and self._core.idle:
            self._decide(None)

    def _decide(self, failure: Exception | None) -> None:
        if self._socket is None or self._verdict.done():
            return
        if failure is None:
            self._verdict.set_result(None)
        else:
            self._verdict.set_exception(failure)

    # --- between them ------------------------------------------------------------------------

    def _handle(self, events: list[BackendEvent]) -> None:
        for event in events:
            match event:
                case Ready():
                    self._agent.places.worked(self._url)
                    if not self._accepted:
                        self._accepted = True
                        self._call.accept()
                case Speech():
                    self._on_speech(event)
                case Expires(at=at):
                    self._ends_in(at - time.time())
                case ReplyDone(turn=turn):
                    self._attempts = self._all_attempts
                    self._speech.put_nowait((turn, None))
                    if self._parting is not None:
                        self._speech.put_nowait((turn, self._parting))
                        self._parting = None
                case ToolCalled():
                    self._on_tool(event)
                case Said() | Used() | Noticed():
                    self._report(event)
                case Lost(code=code, message=message):
                    self._decide(SocketFailed(code, message))
                case Reconnect():
                    self._decide(None)
                case Failed(code=code, message=message):
                    self._decide(SocketFailed(code, message, lasting=True))
        if self._socket is not None:
            for message in self._core.take():
                self._socket.send(message)
        self._arm()

    def _on_speech(self, event: Speech) -> None:
        if self._is_the_calls(event.format):
            self._speech.put_nowait((event.turn, event.data))
            return
        if self._down is None or self._down[0] != event.turn or self._down[1].given != event.format:
            converter = FromServer(event.format, self._call.info.output_rate_hz)
            self._down = (event.turn, converter)
        self._speech.put_nowait((event.turn, self._down[1].push(event.data)))

    def _report(self, event: Said | Used | Noticed) -> None:
        if not self._reports.take(self._loop.time()):
            return
        match event:
            case Said(role=role, text=text, turn=turn, final=final):
                self._call.transcript(role, text, turn, final)
            case Used():
                self._call.used(event.turn, event.input_tokens, event.output_tokens, event.details)
            case Noticed(code=code, message=message):
                log.warning("call %s: %s: %s", self._call.info.sid, code, message)
                self._call.notice(code, message)

    def _on_tool(self, event: ToolCalled) -> None:
        if self._reports.take(self._loop.time()):
            self._call.tool_called(event.name, event.arguments, event.turn)
        task = asyncio.create_task(self._run_tool(event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_tool(self, event: ToolCalled) -> None:
        outcome = await self._functions.run(event.name, event.arguments)
        if isinstance(outcome.action, SendDtmf):
            self._call.send_dtmf(outcome.action.digits)
        elif outcome.action is not None:
            self._parting = outcome.action
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
