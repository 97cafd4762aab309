"""The model endpoints a worker talks to: one connection each, shared by all of its calls."""

import asyncio
import logging
import time
from collections.abc import Callable

from bridge.agent import AgentSpec, TlsOptions
from bridge.leg.failover import FailoverCall
from bridge.leg.health import Health, ranked
from bridge.leg.interface import CallFacts, ModelCall, ModelConnection, OnEvent
from bridge.leg.quic import QuicConnection

CONNECT_SECS = 1.0
"""A connection that does not stand so long after it was asked for is tried last."""

log = logging.getLogger(__name__)

Key = tuple[str, TlsOptions]


class Endpoints:
    """Connections by endpoint and TLS options, opened on first use and kept warm."""

    def __init__(self) -> None:
        self._connections: dict[Key, ModelConnection] = {}
        self._begun: dict[Key, float] = {}
        self._health: dict[TlsOptions, Health] = {}
        self._leaving: list[ModelConnection] = []
        """Their gateways end, and so do they with their last calls."""
        self._closing: set[asyncio.Task[None]] = set()
        self._faulty: set[ModelConnection] = set()
        self._clock: Callable[[], float] = time.monotonic

    def connect(self, agent: AgentSpec) -> None:
        """To all of its endpoints: those that are not used now are warm when they are."""
        for endpoint in agent.weights:
            self._connection(endpoint, agent.tls).connect()

    def open_call(self, facts: CallFacts, agent: AgentSpec, on_event: OnEvent) -> ModelCall:
        """Open a call at one of the agent's endpoints; the next one takes it when that fails.

        Begins at once; `Opened` or `LegFailed` follows.
        """
        self.connect(agent)
        health = self._health.setdefault(agent.tls, Health())

        def choose(tried: frozenset[str]) -> list[str]:
            now = self._clock()
            left = [e for e in ranked(agent.weights, facts.sid) if e not in tried]
            return sorted(left, key=lambda endpoint: self._is_down(endpoint, agent.tls, now))

        def open_at(
            endpoint: str, facts: CallFacts, agent: AgentSpec, on_event: OnEvent
        ) -> ModelCall:
            return self._connection(endpoint, agent.tls).open_call(facts, agent, on_event)

        def result(endpoint: str, worked: bool) -> None:
            if worked:
                health.worked(endpoint)
            else:
                health.failed(endpoint, self._clock())

        return FailoverCall(facts, agent, on_event, choose, open_at, result, self._clock)

    def _is_down(self, endpoint: str, tls: TlsOptions, now: float) -> bool:
        key = (endpoint, tls)
        if not self._connections[key].connected and now - self._begun[key] > CONNECT_SECS:
            return True
        return self._health[tls].is_down(endpoint, now)

    def _connection(self, endpoint: str, tls: TlsOptions) -> ModelConnection:
        key = (endpoint, tls)
        known = self._connections.get(key)
        if known is None or self._is_left(known, key):
            go_to = known.going_away or "" if known is not None else ""
            self._connections[key] = QuicConnection(endpoint, tls, go_to=go_to)
            self._begun[key] = self._clock()
        return self._connections[key]

    def _is_left(self, known: ModelConnection, key: Key) -> bool:
        """Whether a gateway that ends is to be replaced by another, where it says or where it was;
        its calls stay with it."""
        if known.going_away is None or self._clock() - self._begun[key] < CONNECT_SECS:
            return False
        endpoint, tls = key
        if not known.going_away:
            # Who answers there now may be the one that ends: the others are asked first.
            self._health.setdefault(tls, Health()).failed(endpoint, self._clock())
        self._leaving.append(known)
        return True

    def _leave(self) -> None:
        """Close what nobody talks on any more."""
        for connection in [c for c in self._leaving if c.idle]:
            self._leaving.remove(connection)
            task = asyncio.get_running_loop().create_task(connection.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    @property
    def any_connected(self) -> bool:
        """A call that begins now finds a model, if it is one of these endpoints that it wants."""
        return any(connection.connected for connection in self._connections.values())

    def flush(self) -> None:
        """Send what the calls queued in this tick."""
        for (endpoint, _), connection in self._connections.items():
            self._flush_one(endpoint, connection)
        if self._leaving:
            for connection in self._leaving:
                self._flush_one("a gateway that ends", connection)
            self._leave()

    def _flush_one(self, endpoint: str, connection: ModelConnection) -> None:
        try:
            connection.flush()
        except Exception:
            if connection not in self._faulty:  # it will be found dead, the others go on
                self._faulty.add(connection)
                log.exception("sending to %s failed; told once", endpoint)

    async def close(self) -> None:
        for connection in [*self._connections.values(), *self._leaving]:
            await connection.close()
        self._connections.clear()
        self._leaving.clear()
        await asyncio.gather(*self._closing, return_exceptions=True)
