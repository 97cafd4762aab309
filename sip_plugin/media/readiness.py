"""When a call may be answered: its agent has taken it, and the file to be played is read."""

from collections.abc import Callable

from sip_plugin.planes.messages import Message, ModelReady


class Readiness:
    def __init__(self, sid: str, agent_name: str, emit: Callable[[Message], None]) -> None:
        self._sid = sid
        self._agent_name = agent_name
        self._emit = emit
        self._awaited: set[str] = set()
        self._headers: dict[str, str] = {}

    def wait_for(self, what: str) -> None:
        self._awaited.add(what)

    def came(self, what: str, headers: dict[str, str] | None = None) -> None:
        """It is there; `headers`: that the agent wants in the 200. Not told yet: see `tell`."""
        self._awaited.discard(what)
        if headers is not None:
            self._headers = headers

    def tell(self) -> None:
        """Once there is nothing to wait for; a far side that we call may answer before that."""
        if not self._awaited:
            name, headers = self._agent_name, self._headers
            self._emit(ModelReady(sid=self._sid, agent_name=name, sip_headers=headers))
