"""A client of the control API, for the command line and for tests."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

_ANSWER_SECS = 20.0
_LONGEST_LINE = 256 * 1024


class NoPlugin(Exception):
    """No plugin runs where it was looked for."""


class ApiError(Exception):
    """The plugin refused; `problem` is the body that says what, why and what next."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.problem = problem
        told = [str(problem.get(key, "")) for key in ("detail", "next")]
        super().__init__(". ".join(filter(None, told)) or f"HTTP status {status}")


class ControlClient:
    """`async with ControlClient(run_dir / "control.sock") as client: ...`"""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    async def __aenter__(self) -> "ControlClient":
        self._session = aiohttp.ClientSession(
            "http://plugin",
            connector=aiohttp.UnixConnector(str(self.socket)),
            timeout=aiohttp.ClientTimeout(total=_ANSWER_SECS),
            read_bufsize=_LONGEST_LINE,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def get(self, path: str, *, refusal_ok: bool = False) -> dict[str, Any]:
        """GET a JSON resource. Raises ApiError unless `refusal_ok`, and NoPlugin."""
        return await self._ask("GET", path, refusal_ok=refusal_ok)

    async def originate(
        self,
        number: str,
        agent: str,
        trunk: str = "",
        caller_id: str = "",
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """Begin a call; the call. Raises ApiError and NoPlugin."""
        body: dict[str, Any] = {"number": number, "agent": agent}
        if trunk:
            body["trunk"] = trunk
        if caller_id:
            body["caller_id"] = caller_id
        if headers:
            body["headers"] = headers
        return await self._ask("POST", "/v1/calls", body)

    async def reload(self) -> list[str]:
        """Take the configuration file over; what has changed. Raises ApiError and NoPlugin."""
        return (await self._ask("POST", "/v1/reload"))["changed"]

    async def hangup(self, sid: str) -> dict[str, Any]:
        """Raises ApiError and NoPlugin."""
        return await self._ask("DELETE", f"/v1/calls/{quote(sid, safe='')}")

    async def events(
        self, sid: str = "", opened: Callable[[], None] = lambda: None
    ) -> AsyncIterator[dict[str, Any]]:
        """What happens on one call, from its begin to its end; without a sid, on all, for ever.

        `opened` is called once nothing will be missed any more.
        Raises ApiError and NoPlugin.
        """
        path = f"/v1/calls/{quote(sid, safe='')}/events" if sid else "/v1/events"
        no_end = aiohttp.ClientTimeout(total=None)
        try:
            async with self._session.get(path, timeout=no_end) as response:
                if response.status != 200:
                    raise ApiError(response.status, await _body(response))
                opened()
                async for line in response.content:
                    yield json.loads(line)
        except aiohttp.ClientError as error:
            raise self._gone(error) from error

    async def _ask(
        self, method: str, path: str, body: dict[str, str] | None = None, refusal_ok: bool = False
    ) -> dict[str, Any]:
        try:
            async with self._session.request(method, path, json=body) as response:
                answer = await _body(response)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._gone(error) from error
        if response.status >= 400 and not refusal_ok:
            raise ApiError(response.status, answer)
        return answer

    def _gone(self, error: Exception) -> NoPlugin:
        cause = error.__cause__ or error
        if isinstance(cause, FileNotFoundError):
            why = "there is no such socket"
        elif isinstance(cause, ConnectionRefusedError):
            why = "nobody listens on it any more"
        elif isinstance(cause, PermissionError):
            why = "it belongs to another user"
        elif isinstance(error, TimeoutError):
            why = f"no answer within {_ANSWER_SECS:g} s"
        else:
            why = f"the connection was lost ({error})"
        return NoPlugin(f"no plugin runs at {self.socket}: {why}")


async def _body(response: aiohttp.ClientResponse) -> dict[str, Any]:
    try:
        answer = await response.json(content_type=None)
    except (TimeoutError, ValueError):
        answer = None
    return answer if isinstance(answer, dict) else {}
