"""Answers by a server with an OpenAI-compatible chat endpoint, as its words stream in."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiohttp
from aiohttp.http_exceptions import LineTooLong

from bridge.backends import fields
from bridge.backends.cascade.interface import (
    Exchange,
    FunctionCall,
    Question,
    StageFailed,
    Tokens,
)
from bridge.backends.cascade.options import LlmOptions
from bridge.backends.fields import Malformed
from bridge.backends.interface import Message
from bridge.backends.options import ToolOptions
from bridge.backends.tools import definitions

MAX_LINE = 256 * 1024
MAX_CALLS = 16
MAX_ARGUMENTS = 32 * 1024


class Chat:
    def __init__(
        self,
        options: LlmOptions,
        tools: tuple[str, ...] = (),
        functions: tuple[ToolOptions, ...] = (),
    ) -> None:
        """`tools` are built in; a call is offered those that its plugin allows."""
        self._options = options
        self._tools = tools
        self._functions = functions

    async def ready(self) -> None:
        """Asks for the list of models: whether there is a server, and takes the key."""
        try:
            async with (
                asyncio.timeout(self._options.timeout_secs),
                aiohttp.ClientSession() as http,
                http.get(f"{self._options.url}/models", headers=self._headers("")) as answer,
            ):
                status = answer.status
        except TimeoutError:
            raise StageFailed("backend_timeout", "the chat server does not answer") from None
        except (aiohttp.ClientError, OSError) as error:
            raise StageFailed("backend_unreachable", str(error)[:200]) from None
        if status in (401, 403) or status >= 500:
            raise _refused(status)

    async def reply(self, question: Question) -> AsyncIterator[str | FunctionCall | Tokens]:
        calls: dict[int, FunctionCall] = {}
        try:
            async for chunk in self._chunks(question):
                usage = fields.maybe_table(chunk, "usage")
                if usage:
                    yield _tokens(usage)
                for delta in _deltas(chunk):
                    if words := fields.maybe_text(delta, "content"):
                        yield words
                    _gather(calls, delta)
        except Malformed as error:
            raise StageFailed("backend_protocol", str(error)) from None
        for _, call in sorted(calls.items()):
            yield call

    async def _chunks(self, question: Question) -> AsyncIterator[Message]:
        """The objects of the stream. Each wait is bounded."""
        options = self._options
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=options.timeout_secs, sock_read=options.timeout_secs
        )
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, read_bufsize=MAX_LINE) as http,
                http.post(
                    f"{options.url}/chat/completions",
                    json=self._body(question),
                    headers=self._headers(question.info.sid),
                    allow_redirects=False,
                ) as answer,
            ):
                if answer.status != 200:
                    raise _refused(answer.status)
                async for line in answer.content:
                    data = line.strip()
                    if not data.startswith(b"data:"):
                        continue
                    data = data.removeprefix(b"data:").strip()
                    if data == b"[DONE]":
                        return
                    yield _object(data)
        except TimeoutError:
            raise StageFailed("backend_timeout", "the chat server stopped answering") from None
        except (LineTooLong, ValueError):
            raise StageFailed("backend_protocol", "a line of the stream is too long") from None
        except (aiohttp.ClientError, OSError) as error:
            raise StageFailed("backend_lost", str(error)[:200] or type(error).__name__) from None

    def _headers(self, sid: str) -> dict[str, str]:
        key = self._options.api_key.get_secret_value()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        if sid and self._options.routing_header:
            headers[self._options.routing_header] = sid
        return headers

    def _body(self, question: Question) -> Message:
        messages: list[Message] = []
        if self._options.instructions:
            messages.append({"role": "system", "content": self._options.instructions})
        for line in question.history:
            role = "user" if line.role == "caller" else "assistant"
            messages.append({"role": role, "content": line.text})
        messages.append({"role": "user", "content": question.text})
        messages += _exchanged(question.done_before) + _exchanged(question.exchanges)
        body: Message = {
            "model": self._options.model,
            "messages": messages,
            "max_tokens": self._options.max_output_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if offered := definitions(self._tools, self._functions, question.info.tools):
            body["tools"] = [
                {"type": "function", "function": {k: v for k, v in f.items() if k != "type"}}
                for f in offered
            ]
        return body


def _exchanged(exchanges: Sequence[Exchange]) -> list[Message]:
    if not exchanges:
        return []
    calls = [
        {
            "id": exchange.call.call_id,
            "type": "function",
            "function": {"name": exchange.call.name, "arguments": exchange.call.arguments},
        }
        for exchange in exchanges
    ]
    results = [
        {"role": "tool", "tool_call_id": exchange.call.call_id, "content": exchange.result}
        for exchange in exchanges
    ]
    return [{"role": "assistant", "content": None, "tool_calls": calls}, *results]


def _object(data: bytes) -> Message:
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        raise Malformed("the stream holds what is not JSON") from None
    if not isinstance(message, dict):
        raise Malformed("the stream holds what is no JSON object")
    if error := message.get("error"):
        why = error.get("message") if isinstance(error, dict) else error
        raise StageFailed("backend_error", str(why)[:200])
    return message


def _deltas(chunk: Message) -> list[Message]:
    choices = chunk.get("choices")
    if not isinstance(choices, list) or not all(isinstance(c, dict) for c in choices):
        raise Malformed("choices is no list of objects")
    return [fields.maybe_table(choice, "delta") for choice in choices[:1]]


def _gather(calls: dict[int, FunctionCall], delta: Message) -> None:
    """Function calls come in pieces: id and name first, then the arguments."""
    pieces: Any = delta.get("tool_calls") or []
    if not isinstance(pieces, list) or not all(isinstance(p, dict) for p in pieces):
        raise Malformed("tool_calls is no list of objects")
    for piece in pieces:
        index = fields.number(piece, "index")
        function = fields.maybe_table(piece, "function")
        before = calls.get(index, FunctionCall("", "", ""))
        arguments = before.arguments + fields.maybe_text(function, "arguments")
        if index >= MAX_CALLS or index < 0 or len(arguments) > MAX_ARGUMENTS:
            raise Malformed("too many function calls, or too long ones")
        calls[index] = FunctionCall(
            before.call_id or fields.maybe_text(piece, "id"),
            before.name or fields.maybe_text(function, "name"),
            arguments,
        )


def _tokens(usage: Message) -> Tokens:
    counts = fields.counts(usage)
    return Tokens(counts.get("prompt_tokens", 0), counts.get("completion_tokens", 0))


def _refused(status: int) -> StageFailed:
    why = f"the chat server answered with HTTP {status}"
    if status in (429, 503):
        return StageFailed("backend_busy", why)
    if status in (401, 403):
        return StageFailed("backend_refused", f"{why}: check llm.api_key")
    if 400 <= status < 500:
        return StageFailed("backend_refused", f"{why}: check llm.url and llm.model")
    return StageFailed("backend_unreachable", why)
