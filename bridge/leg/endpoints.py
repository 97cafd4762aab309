"""The model endpoints a worker talks to: one connection each, shared by all of its calls."""

from bridge.agent import AgentSpec, TlsOptions
from bridge.leg.interface import ModelConnection
from bridge.leg.quic import QuicConnection

Key = tuple[str, TlsOptions]


class Endpoints:
    """Connections by endpoint and TLS options, opened on first use and kept warm."""

    def __init__(self) -> None:
        self._connections: dict[Key, ModelConnection] = {}

    def connection(self, agent: AgentSpec) -> ModelConnection:
        key = (agent.endpoint, agent.tls)
        if key not in self._connections:
            self._connections[key] = QuicConnection(agent.endpoint, agent.tls)
        return self._connections[key]

    @property
    def any_connected(self) -> bool:
        """A call that begins now finds a model, if it is one of these endpoints that it wants."""
        return any(connection.connected for connection in self._connections.values())

    def flush(self) -> None:
        """Send what the calls queued in this tick."""
        for connection in self._connections.values():
            connection.flush()

    async def close(self) -> None:
        for connection in self._connections.values():
            await connection.close()
        self._connections.clear()
