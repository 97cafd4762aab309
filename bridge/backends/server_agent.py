"""An agent whose model is a server, as the gateway runs it."""

from collections.abc import Callable, Mapping, Sequence

from bridge.backends.conversation import Conversation
from bridge.backends.functions import Function
from bridge.backends.interface import Dialect
from bridge.backends.options import ServerOptions
from bridge.backends.servers import Servers
from bridge.gateway.agent import AgentCall, CallFailed, CallInfo


class ServerAgent:
    """Takes a call when the server has taken it."""

    accepts_calls = True

    def __init__(
        self,
        name: str,
        urls: Sequence[str],
        options: ServerOptions,
        dialect: Callable[[CallInfo], Dialect],
        functions: Mapping[str, Function] | None = None,
    ) -> None:
        """Raises Unusable for a `ca_file` that is none."""
        self.servers = Servers(name, urls, options)
        self.dialect = dialect
        self.functions = dict(functions or {})
        self.calls = 0

    async def trouble(self) -> list[str]:
        """What would keep it from taking a call now, in words."""
        return await self.servers.trouble()

    async def __call__(self, call: AgentCall) -> None:
        servers = self.servers
        limit = servers.options.max_calls
        if limit and self.calls >= limit:
            raise CallFailed("too_many_calls", f"{self.calls} calls of {servers.name} are open")
        self.calls += 1
        try:
            await Conversation(servers, call, self.dialect(call.info), self.functions).run()
        finally:
            self.calls -= 1
