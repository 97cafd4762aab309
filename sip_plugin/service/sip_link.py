"""The supervisor's end of the SIP process: reconnects, asks, and notices when it is stuck."""

import asyncio
import contextlib
import itertools
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from sip_plugin.planes.heartbeat import Heartbeat
from sip_plugin.planes.link import Link, PlaneError, connect
from sip_plugin.planes.messages import (
    MAX_PART_CHARS,
    Drain,
    Hangup,
    Hello,
    HoldCall,
    Message,
    Originate,
    OriginateAnswer,
    Ping,
    Pong,
    Reconfigure,
    ReconfigureAnswer,
)

_RECONNECT_SECS = 0.1
_PENDING_ORIGINATIONS = 100
_RECONFIGURE_SECS = 15.0
"""Tens of thousands of routes take seconds."""

log = logging.getLogger(__name__)


class NotAsked(Exception):
    """The SIP process could not be asked, or did not answer; the text says which."""


class SipLink:
    """Reports every message, and each coming and going of the SIP process, by callback."""

    def __init__(
        self,
        path: Path,
        on_message: Callable[[Message], None],
        on_change: Callable[[bool], None],
        *,
        ping_secs: float = 2.0,
        patience: int = 6,
        answer_secs: float = 10.0,
    ) -> None:
        """`patience` pings without an answer, one every `ping_secs`, mean that it is stuck."""
        self._path = path
        self._on_message = on_message
        self._on_change = on_change
        self._ping_secs = ping_secs
        self._answer_secs = answer_secs
        self._heartbeat = Heartbeat(patience)
        self._link: Link | None = None
        self._requests = itertools.count(1)
        self._pending: dict[str, asyncio.Future[OriginateAnswer]] = {}
        self._reconfiguring: dict[str, asyncio.Future[ReconfigureAnswer]] = {}
        self._drain: Drain | None = None

    @property
    def linked(self) -> bool:
        return self._link is not None

    @property
    def stuck(self) -> bool:
        return self.linked and self._heartbeat.stuck

    async def run(self) -> None:
        """Stay connected until cancelled."""
        while True:
            with contextlib.suppress(OSError):
                link = await connect(str(self._path))
                await self._serve(link)
            await asyncio.sleep(_RECONNECT_SECS)

    async def originate(
        self,
        number: str,
        agent: str,
        trunk: str = "",
        caller_id: str = "",
        sip_headers: dict[str, str] | None = None,
    ) -> OriginateAnswer:
        """Ask for a call. Raises NotAsked when there is no answer to be had."""
        if self._link is None:
            raise NotAsked("the SIP process is not connected")
        if len(self._pending) >= _PENDING_ORIGINATIONS:
            raise NotAsked(f"{_PENDING_ORIGINATIONS} calls are waiting to be begun")
        request_id = f"{os.getpid()}-{next(self._requests)}"
        answer = asyncio.get_running_loop().create_future()
        self._pending[request_id] = answer
        try:
            self._link.send(
                Originate(
                    request_id=request_id,
                    number=number,
                    agent_name=agent,
                    trunk=trunk,
                    caller_id=caller_id,
                    sip_headers=sip_headers or {},
                )
            )
            async with asyncio.timeout(self._answer_secs):
                return await answer
        except TimeoutError:
            raise NotAsked(
                f"the SIP process did not answer within {self._answer_secs:g} s"
            ) from None
        finally:
            del self._pending[request_id]

    async def reconfigure(self, document: str) -> None:
        """Have a configuration, as JSON, taken over. Raises NotAsked when it was not."""
        if self._link is None:
            raise NotAsked("the SIP process is not connected")
        request_id = f"{os.getpid()}-{next(self._requests)}"
        answer = asyncio.get_running_loop().create_future()
        self._reconfiguring[request_id] = answer
        try:
            async with asyncio.timeout(_RECONFIGURE_SECS):
                await self._hand_over(self._link, request_id, document)
                answered = await answer
        except TimeoutError:
            raise NotAsked(
                f"the SIP process did not answer within {_RECONFIGURE_SECS:g} s"
            ) from None
        finally:
            del self._reconfiguring[request_id]
        if answered.problem:
            raise NotAsked(f"the SIP process refused it: {answered.problem}")

    async def _hand_over(self, link: Link, request_id: str, document: str) -> None:
        """In parts, no faster than they are read: the link is cut when too much waits."""
        for start in range(0, len(document), MAX_PART_CHARS):
            part = document[start : start + MAX_PART_CHARS]
            last = start + MAX_PART_CHARS >= len(document)
            link.send(Reconfigure(request_id=request_id, part=part, last=last))
            await link.drained()

    def hangup(
        self,
        sid: str,
        reason: str = "normal",
        cause: Literal["plugin_hangup", "shutdown"] = "plugin_hangup",
    ) -> None:
        """Raises NotAsked."""
        self._ask(Hangup(sid=sid, reason=reason, cause=cause))

    def hold(self, sid: str, on: bool) -> None:
        """Put the phone on hold, or take it back. Raises NotAsked."""
        self._ask(HoldCall(sid=sid, on=on))

    def _ask(self, message: Message) -> None:
        if self._link is None:
            raise NotAsked("the SIP process is not connected")
        self._link.send(message)

    def drain(self, retry_after_secs: int) -> None:
        """Refuse new calls from now on; a SIP process that connects later is told too."""
        self._drain = Drain(retry_after_secs=retry_after_secs)
        if self._link is not None:
            self._link.send(self._drain)

    async def _serve(self, link: Link) -> None:
        link.send(Hello(role="supervisor", name="supervisor", pid=os.getpid()))
        if self._drain is not None:
            link.send(self._drain)
        self._link = link
        self._heartbeat.reset()
        self._on_change(True)
        pings = asyncio.create_task(self._send_pings(link))
        try:
            async for message in link:
                self._on_received(link, message)
        except PlaneError as error:
            log.error("the SIP process broke the protocol, link cut: %s", error)
        finally:
            pings.cancel()
            link.close()
            self._link = None
            for answer in (*self._pending.values(), *self._reconfiguring.values()):
                if not answer.done():
                    answer.set_exception(NotAsked("the SIP process ended before it answered"))
            self._on_change(False)

    def _on_received(self, link: Link, message: Message) -> None:
        match message:
            case Ping(n=n):
                link.send(Pong(n=n))
            case Pong(n=n):
                self._heartbeat.pong(n)
            case OriginateAnswer(request_id=request_id):
                answer = self._pending.get(request_id)
                if answer is not None and not answer.done():
                    answer.set_result(message)
                elif message.sid:  # whoever asked was told that there is no call
                    link.send(Hangup(sid=message.sid, reason="answered too late"))
            case ReconfigureAnswer(request_id=request_id):
                waiting = self._reconfiguring.get(request_id)
                if waiting is not None and not waiting.done():
                    waiting.set_result(message)
            case _:
                try:
                    self._on_message(message)
                except Exception:  # a fault of ours must not end the calls
                    log.exception("%s was not taken", type(message).__name__)

    async def _send_pings(self, link: Link) -> None:
        while True:
            link.send(Ping(n=self._heartbeat.ping()))
            await asyncio.sleep(self._ping_secs)
