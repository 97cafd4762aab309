"""What a gateway counts over all of its connections and calls."""

from dataclasses import dataclass, field

from bridge.gateway.latency import Latency


@dataclass(slots=True)
class AgentStats:
    """Counters over the calls of one agent."""

    calls: int = 0
    running: int = 0
    failed: int = 0
    first_audio: Latency = field(default_factory=Latency)
    """From the commit to the agent's voice."""


@dataclass(slots=True)
class GatewayStats:
    """Counters over all connections and calls."""

    agents: dict[str, AgentStats] = field(default_factory=dict)
    """By name."""

    connections: int = 0
    calls: int = 0
    refused: int = 0
    failed: int = 0
    datagrams_malformed: int = 0
    datagrams_unknown: int = 0
    streams_refused: int = 0
