"""The agents that a file names, made, and asked once whether their servers are there."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

from bridge.backends import CascadeAgent, ServerAgent, build
from bridge.backends.options import Unusable
from bridge.gateway import Agent
from bridge.gateway.clock import SpeechClock
from sip_plugin.gateway.load import unusable
from sip_plugin.gateway.models import GatewayConfig

log = logging.getLogger(__name__)


def made(config: GatewayConfig, path: Path) -> dict[str, Agent]:
    """On the event loop. Raises ConfigError for a value that cannot be used here."""
    clock = SpeechClock()
    agents = {}
    for name, options in config.agents.items():
        try:
            agents[name] = build(name, options, clock)
        except Unusable as fault:
            keys = fault.key.split(".") if fault.key else []
            raise unusable(path, ("agents", name, *keys), fault.message) from None
    return agents


async def look(agents: Mapping[str, Agent]) -> None:
    """Warn of servers that do not answer: better now than when a phone rings. Takes no call."""

    async def one(name: str, agent: Agent) -> None:
        if isinstance(agent, ServerAgent | CascadeAgent):
            for trouble in await agent.trouble():
                log.warning("agents.%s: %s", name, trouble)

    await asyncio.gather(*(one(name, agent) for name, agent in agents.items()))
