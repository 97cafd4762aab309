"""Functions of the model that a web server answers."""

import asyncio
from typing import Any

import aiohttp

from bridge.backends.functions import MAX_RESULT, Function
from bridge.backends.options import ToolOptions
from bridge.gateway.agent import CallInfo


def webhook(options: ToolOptions) -> Function:
    """POST `{"sid", "caller", "called", "name", "arguments"}`; the answer's text is the result.

    Raises ValueError with words for the model.
    """

    async def ask(info: CallInfo, arguments: dict[str, Any]) -> str:
        body = {
            "sid": info.sid,
            "caller": info.caller,
            "called": info.called,
            "name": options.name,
            "arguments": arguments,
        }
        token = options.token.get_secret_value()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            async with (
                asyncio.timeout(options.timeout_secs),
                aiohttp.ClientSession() as http,
                http.post(options.url, json=body, headers=headers, allow_redirects=False) as answer,
            ):
                if answer.status != 200:
                    raise ValueError(f"the function failed with HTTP {answer.status}")
                content = b""
                async for piece in answer.content.iter_chunked(MAX_RESULT):
                    content += piece
                    if len(content) >= MAX_RESULT:
                        break
        except TimeoutError:
            raise ValueError(f"the function took over {options.timeout_secs:g} s") from None
        except (aiohttp.ClientError, OSError):
            raise ValueError("the function cannot be reached") from None
        return content.decode("utf-8", "replace")

    return ask
