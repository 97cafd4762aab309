"""A strict server behind a real WebSocket on loopback."""

import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiohttp import WSMsgType, web

from tests.backends.model_server import ModelServer


class WebServer:
    """Every connection talks to the same list of answers, and is kept for the test to look at."""

    def __init__(self, *answers: Any, kind: Callable[[], Any] = ModelServer) -> None:
        """`kind` makes the server of a connection."""
        self.answers = list(answers)
        self.kind = kind
        self.sessions: list[Any] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.headers: list[dict[str, str]] = []
        self.queries: list[dict[str, str]] = []
        self.faults: list[BaseException] = []
        self.refuse_with: list[int] = []
        """HTTP status of the next connections, instead of a session."""
        self.refuse_headers: dict[str, str] = {}
        self.expires_in = 0.0
        """Seconds after which a session ends, as the server tells; 0: it does not."""
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.headers.append(dict(request.headers))
        self.queries.append(dict(request.query))
        if self.refuse_with:
            return web.Response(status=self.refuse_with.pop(0), headers=self.refuse_headers)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        session = self.kind()
        session.answers = _Shared(self.answers)
        if self.expires_in:
            session.expires_at = int(time.time() + self.expires_in)
        self.sessions.append(session)
        self.sockets.append(socket)
        try:
            for message in session.greet():
                await socket.send_str(json.dumps(message))
            async for frame in socket:
                assert frame.type is WSMsgType.TEXT
                for message in session.receive(json.loads(frame.data)):
                    await socket.send_str(json.dumps(message))
        except ConnectionError:
            pass
        except Exception as fault:  # told by the test, which would wait for an answer otherwise
            self.faults.append(fault)
            await socket.close(code=1011)
        return socket


class _Shared:
    def __init__(self, answers: list[Any]) -> None:
        self._answers = answers

    def __bool__(self) -> bool:
        return bool(self._answers)

    def popleft(self) -> Any:
        return self._answers.pop(0)


@contextlib.asynccontextmanager
async def web_server(
    *answers: Any, kind: Callable[[], Any] = ModelServer
) -> AsyncIterator[WebServer]:
    server = WebServer(*answers, kind=kind)
    app = web.Application()
    app.router.add_get("/v1/realtime", server.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    server.url = f"ws://127.0.0.1:{port}/v1/realtime"
    try:
        yield server
    finally:
        for socket in server.sockets:
            await socket.close()
        await runner.cleanup()
    assert not server.faults, server.faults
