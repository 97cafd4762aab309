"""A real worker process, a real gateway with agents of the test, and phones of raw RTP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.worker_host import WorkerHost
from bridge.agent import AgentSpec, TlsOptions
from bridge.gateway.agent import Agent
from bridge.gateway.server import Gateway, GatewayOptions
from bridge.profile import PROFILES, ProfileName

Stage = Callable[[WorkerHost, Gateway], Awaitable[None]]
OnStage = Callable[..., None]


@pytest.fixture
def on_stage(tmp_path: Path) -> OnStage:
    """`on_stage(agent, story, **spec)`: runs the story with a worker whose calls reach `agent`."""

    @asynccontextmanager
    async def stage(
        agent: Agent, leg: ProfileName = "raw", module: str = "sip_plugin.media", **given: Any
    ) -> AsyncIterator[tuple[WorkerHost, Gateway]]:
        ca_file = str(tmp_path / "ca.pem")
        options = GatewayOptions(port=0, ca_out=ca_file)
        async with Gateway(options, agents={"tested": agent}) as gateway:
            tls = TlsOptions(ca_file=ca_file)
            spec = AgentSpec(endpoint=gateway.endpoint, agent="tested", tls=tls, **given)
            async with WorkerHost(spec, module, PROFILES[leg]) as host:
                yield host, gateway

    def run(agent: Agent, story: Stage, **given: Any) -> None:
        async def play() -> None:
            async with stage(agent, **given) as (host, gateway), asyncio.timeout(60):
                await story(host, gateway)

        asyncio.run(play())

    return run
