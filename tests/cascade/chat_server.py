"""A chat server that forgives nothing: each request is held against the typed models of the
`openai` package and against the order of the conversation; each chunk of ours too."""

import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from pydantic import TypeAdapter

chat = pytest.importorskip("openai.types.chat")

REQUEST_KEYS = {"model", "messages", "max_tokens", "stream", "stream_options", "tools"}
MESSAGES = TypeAdapter(list[chat.ChatCompletionMessageParam])
TOOLS = TypeAdapter(list[chat.ChatCompletionToolParam])
CHUNK = TypeAdapter(chat.ChatCompletionChunk)


@dataclass
class Says:
    words: list[str] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    status: int = 200
    raw: list[bytes] = field(default_factory=list)
    """Sent instead of anything else."""


class ChatServer:
    def __init__(self, *answers: Says) -> None:
        self.answers = list(answers)
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.faults: list[BaseException] = []
        self.models_status = 200
        self.abandoned = 0
        """Streams whose reader went away."""
        self._ids = itertools.count(1)
        self.url = ""

    async def models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": []}, status=self.models_status)

    async def complete(self, request: web.Request) -> web.StreamResponse:
        try:
            asked = await request.json()
            self._check(asked)
        except Exception as fault:
            self.faults.append(fault)
            return web.Response(status=400)
        self.requests.append(asked)
        self.headers.append(dict(request.headers))
        says = self.answers.pop(0)
        if says.status != 200:
            return web.Response(status=says.status)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            for part in says.raw or self._stream(says):
                await response.write(part)
        except ConnectionError:
            self.abandoned += 1
        return response

    def _check(self, asked: dict[str, Any]) -> None:
        unknown = asked.keys() - REQUEST_KEYS
        assert not unknown, f"unknown fields: {unknown}"
        assert asked["stream"] is True and asked["stream_options"] == {"include_usage": True}
        text = json.dumps(asked["messages"])
        MESSAGES.validate_json(text, strict=True)
        if "tools" in asked:
            TOOLS.validate_json(json.dumps(asked["tools"]), strict=True)
        roles = [message["role"] for message in asked["messages"]]
        assert "system" not in roles[1:], "instructions go first"
        assert roles[-1] in ("user", "tool"), "somebody must have spoken"
        calls: set[str] = set()
        for message in asked["messages"]:
            if message["role"] == "tool":
                calls.remove(message["tool_call_id"])  # each answers a call that was made
            else:
                assert not calls, "function calls without a result"
                calls = {call["id"] for call in message.get("tool_calls", [])}
        assert not calls

    def _stream(self, says: Says):
        for word in says.words:
            yield self._chunk({"content": word})
        for index, (name, arguments) in enumerate(says.calls):
            call = {"index": index, "id": f"call_{next(self._ids)}", "type": "function"}
            yield self._chunk({"tool_calls": [call | {"function": {"name": name}}]})
            half = len(arguments) // 2
            for piece in (arguments[:half], arguments[half:]):
                delta = {"index": index, "function": {"arguments": piece}}
                yield self._chunk({"tool_calls": [delta]})
        yield self._chunk({}, "tool_calls" if says.calls else "stop")
        usage = {"prompt_tokens": 12, "completion_tokens": 34, "total_tokens": 46}
        yield self._chunk(None, None, usage)
        yield b"data: [DONE]\n\n"

    def _chunk(self, delta, finish: str | None = None, usage=None) -> bytes:
        choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
        chunk = {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "small",
            "choices": choices,
        }
        if usage:
            chunk["usage"] = usage
        text = json.dumps(chunk)
        CHUNK.validate_json(text)
        return f"data: {text}\n\n".encode()


@contextlib.asynccontextmanager
async def chat_server(*answers: Says) -> AsyncIterator[ChatServer]:
    server = ChatServer(*answers)
    app = web.Application()
    app.router.add_get("/v1/models", server.models)
    app.router.add_post("/v1/chat/completions", server.complete)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()
    assert not server.faults, server.faults
