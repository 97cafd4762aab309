"""A plugin without its other processes: the test plays the SIP process on a real plane socket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from sip_plugin.config import Config
from sip_plugin.planes.link import Link
from sip_plugin.planes.messages import (
    CallState,
    Hello,
    Message,
    Ping,
    Pong,
    TrunkState,
    WorkerState,
)
from sip_plugin.service.api import ControlApi
from sip_plugin.service.client import ControlClient
from sip_plugin.service.reload import Reloader
from sip_plugin.service.sip_link import SipLink
from sip_plugin.service.state import PluginState

CONFIG = Config.model_validate(
    {
        "media": {"workers": 1},
        "trunks": {
            "main": {"domain": "sip.example.net", "sip_username": "1001", "sip_password": "x"},
        },
        "agents": {"parrot": {"endpoint": "quic://127.0.0.1:4433"}},
        "service": {"drain_secs": 7},
    }
)

WAIT_SECS = 10.0


def call_state(sid: str, state: str, **more: object) -> CallState:
    facts = {
        "direction": "outbound",
        "caller": "1001",
        "called": "+15551234567",
        "trunk": "main",
        "agent_name": "parrot",
    }
    return CallState(sid=sid, state=state, **{**facts, **more})


REGISTERED = TrunkState(name="main", state="registered", code=200, expires_secs=3600)
WORKER = WorkerState(name="worker-0", connected=True, calls=0, leases=4)


@dataclass
class SipProcess:
    """The listening side of the plane, speaking its real protocol."""

    path: Path
    answers_pings: bool = True
    received: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    link: Link | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, str(self.path))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.link = Link(reader, writer)
        async for message in self.link:
            match message:
                case Ping(n=n):
                    if self.answers_pings:
                        self.link.send(Pong(n=n))
                case _:
                    self.received.put_nowait(message)

    def send(self, *messages: Message) -> None:
        for message in messages:
            self.link.send(message)

    async def next(self, kind: type[Message]) -> Message:
        """The next message, which must be of this kind."""
        async with asyncio.timeout(WAIT_SECS):
            message = await self.received.get()
        assert isinstance(message, kind), message
        return message

    async def stop(self) -> None:
        """As when the process dies: the connection ends, and the socket is nobody's."""
        self._server.close()
        if self.link is not None:
            self.link.close()
        self.path.unlink(missing_ok=True)


@dataclass
class Plugin:
    state: PluginState
    link: SipLink
    client: ControlClient
    sip: SipProcess


@contextlib.asynccontextmanager
async def plugin(
    folder: Path, config: Config = CONFIG, read_again: Callable[[], Config] | None = None
) -> AsyncIterator[Plugin]:
    """State, link and API as the supervisor has them, connected to a SIP process of the test."""
    sip = SipProcess(folder / "plane.sock")
    await sip.start()
    state = PluginState(config, ["sip", "worker-0"])
    link = SipLink(
        sip.path, state.take, state.link_changed, ping_secs=0.05, patience=5, answer_secs=2.0
    )
    reloader = Reloader(config, read_again or (lambda: config), link, lambda *_: None)
    api = ControlApi(state, link, reloader.reload)
    await api.start(folder / "control.sock")
    running = asyncio.create_task(link.run())
    try:
        hello = await sip.next(Hello)
        assert hello.role == "supervisor"
        async with ControlClient(folder / "control.sock") as client:
            yield Plugin(state, link, client, sip)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await api.close()
        await sip.stop()


async def until(condition, what: str) -> None:
    """Wait for what another process or connection will bring about."""
    for _ in range(int(WAIT_SECS / 0.01)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"never happened: {what}")
