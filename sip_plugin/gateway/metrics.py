"""What Prometheus scrapes of a gateway. Labels are names of agents and codes of ours: bounded."""

from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from bridge.backends import CascadeAgent, ServerAgent
from bridge.gateway import Gateway
from bridge.gateway.latency import BOUNDS_SECS, Latency

_TOTALS = {
    "connections": "Connections of plugins.",
    "calls": "Calls that an agent was given.",
    "refused": "Calls that were refused.",
    "failed": "Calls that ended with an error.",
    "datagrams_malformed": "Datagrams that were none of ours; of connections that are over.",
    "datagrams_unknown": "Datagrams of tracks that are not known; of connections that are over.",
    "streams_refused": "Streams beyond the bounds; of connections that are over.",
}


class GatewayMetrics:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def exposition(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """For the registry: the figures as they are now."""
        gateway = self._gateway
        yield GaugeMetricFamily(
            "sip_gateway_connected", "Connections that stand.", value=len(gateway.protocols)
        )
        for name, words in _TOTALS.items():
            value = getattr(gateway.stats, name)
            yield CounterMetricFamily(f"sip_gateway_{name}", words, value=value)
        yield from self._of_agents()
        yield from self._of_servers()
        yield from self._of_cascades()

    def _of_agents(self) -> Iterator[Metric]:
        agents = self._gateway.stats.agents
        running = GaugeMetricFamily(
            "sip_gateway_agent_calls_running", "Calls that run now.", labels=["agent"]
        )
        failed = CounterMetricFamily(
            "sip_gateway_agent_calls_failed", "Calls that ended with an error.", labels=["agent"]
        )
        speaks = HistogramMetricFamily(
            "sip_gateway_agent_first_audio_seconds",
            "Commit of a turn to the agent's first audio.",
            labels=["agent"],
        )
        for name, stats in agents.items():
            running.add_metric([name], stats.running)
            failed.add_metric([name], stats.failed)
            speaks.add_metric([name], _buckets(stats.first_audio), stats.first_audio.secs)
        yield from (running, failed, speaks)

    def _of_servers(self) -> Iterator[Metric]:
        servers = {
            name: agent.servers.stats
            for name, agent in self._gateway.agents.items()
            if isinstance(agent, ServerAgent)
        }
        counts = {
            "sessions": "Sessions that a server has taken.",
            "renewed": "Of them, those that replaced one before its end.",
            "replies": "Replies that were made to their end, or ended early by trouble.",
        }
        for key, words in counts.items():
            yield _counter(key, words, {name: getattr(s, key) for name, s in servers.items()})
        lost = {name: stats.lost for name, stats in servers.items()}
        yield _by_code("lost", "Connections to servers that failed, or were not made.", lost)
        dropped = {name: stats.dropped for name, stats in servers.items()}
        told = "What servers sent and nobody wanted; of calls that are over."
        yield _by_code("dropped", told, dropped)
        notices = {name: stats.notices for name, stats in servers.items()} | {
            name: agent.stats.notices
            for name, agent in self._gateway.agents.items()
            if isinstance(agent, CascadeAgent)
        }
        yield _by_code("notices", "What went wrong on calls that went on.", notices)

    def _of_cascades(self) -> Iterator[Metric]:
        cascades = {
            name: agent.stats
            for name, agent in self._gateway.agents.items()
            if isinstance(agent, CascadeAgent)
        }
        counts = {
            "drafts": "Answers begun before the commit.",
            "drafts_used": "Of them, those that were the reply in the end.",
        }
        for key, words in counts.items():
            yield _counter(key, words, {name: getattr(s, key) for name, s in cascades.items()})


def _counter(key: str, words: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"sip_gateway_backend_{key}", words, labels=["agent"])
    for name, value in values.items():
        family.add_metric([name], value)
    return family


def _by_code(key: str, words: str, values: Mapping[str, Mapping[str, int]]) -> Metric:
    family = CounterMetricFamily(f"sip_gateway_backend_{key}", words, labels=["agent", "code"])
    for name, codes in values.items():
        for code, value in codes.items():
            family.add_metric([name, code], value)
    return family


def _buckets(latency: Latency) -> list[tuple[str, float]]:
    """Up to each bound, all below it included."""
    bounds = [*map(str, BOUNDS_SECS), "+Inf"]
    return list(zip(bounds, map(float, accumulate(latency.counts)), strict=True))
