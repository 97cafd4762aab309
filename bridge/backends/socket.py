"""A WebSocket to a server: a thin shell around aiohttp's client, bounded both ways."""

import asyncio
import json
import os
import ssl
from collections import deque
from collections.abc import AsyncIterator, Mapping

import aiohttp

from bridge.backends.interface import Message

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
"""Of the server's messages."""
MAX_WAITING_BYTES = 12 * 1024 * 1024
"""Messages that the server has not taken: two minutes of PCM16 at 24 kHz, in base64."""
SEND_TIMEOUT = 10.0
"""How long the server may not take a message."""
PING_SECS = 6.0
"""Between our pings; half of it is what the answer may take."""
CLOSE_TIMEOUT = 1.0

TRY_LATER = frozenset({1013})
"""Close code of RFC 6455's registry: the server is busy."""
LEAVING = frozenset({1001, 1012})
"""Going away, service restart: another connection finds another server at once."""
REFUSED = frozenset({1008, 3000, 3003})
"""Policy violation, unauthorized, forbidden."""


class SocketFailed(Exception):
    """No connection, or no more. `lasting`: another attempt would end alike."""

    def __init__(
        self, code: str, message: str, lasting: bool = False, wait_secs: float | None = None
    ) -> None:
        """`wait_secs`: how long the server asks to be left alone."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.lasting = lasting
        self.wait_secs = wait_secs


class ServerSocket:
    """One open connection. `send` queues; `messages` ends with SocketFailed, never by itself."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._waiting: deque[str] = deque()
        self._waiting_bytes = 0
        self._more = asyncio.Event()
        self._failed: SocketFailed | None = None
        self._writer = asyncio.create_task(self._write())

    def send(self, message: Message) -> None:
        text = json.dumps(message, separators=(",", ":"))
        self._waiting.append(text)
        self._waiting_bytes += len(text)
        self._more.set()
        if self._waiting_bytes > MAX_WAITING_BYTES:
            self._fail(SocketFailed("backend_stalled", "the server does not take its messages"))

    async def messages(self) -> AsyncIterator[Message]:
        async for frame in self._socket:
            if frame.type is aiohttp.WSMsgType.ERROR:
                break
            if frame.type is not aiohttp.WSMsgType.TEXT:
                raise SocketFailed("backend_protocol", f"a {frame.type.name.lower()} message")
            try:
                message = json.loads(frame.data)
            except (ValueError, RecursionError):
                raise SocketFailed("backend_protocol", "a message that is not JSON") from None
            if not isinstance(message, dict):
                raise SocketFailed("backend_protocol", "a message that is no JSON object")
            yield message
        raise self._failed or self._why_closed()

    async def close(self) -> None:
        self._writer.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._socket.close()
        except (TimeoutError, aiohttp.ClientError, OSError):
            pass

    async def _write(self) -> None:
        try:
            while True:
                while self._waiting:
                    text = self._waiting.popleft()
                    self._waiting_bytes -= len(text)
                    async with asyncio.timeout(SEND_TIMEOUT):
                        await self._socket.send_str(text)
                self._more.clear()
                await self._more.wait()
        except TimeoutError:
            self._fail(SocketFailed("backend_stalled", "the server does not take its messages"))
        except (aiohttp.ClientError, OSError) as error:
            self._fail(SocketFailed("backend_lost", f"the connection broke: {_words(error)}"))

    def _fail(self, failed: SocketFailed) -> None:
        if self._failed is None:
            self._failed = failed
            self._waiting.clear()
            self._waiting_bytes = 0
            # Ends the reading, which tells why.
            asyncio.get_running_loop().create_task(self._socket.close())

    def _why_closed(self) -> SocketFailed:
        code = self._socket.close_code
        error = self._socket.exception()
        if error is not None and code in (None, aiohttp.WSCloseCode.ABNORMAL_CLOSURE):
            return SocketFailed("backend_lost", f"the connection broke: {_words(error)}")
        if code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG:
            return SocketFailed("backend_protocol", f"a message over {MAX_MESSAGE_BYTES} bytes")
        why = f"the server closed with code {code}"
        if code in TRY_LATER:
            return SocketFailed("backend_busy", why)
        if code in LEAVING:
            return SocketFailed("backend_lost", why, wait_secs=0.0)
        return SocketFailed("backend_lost", why, lasting=code in REFUSED)


async def connect(
    session: aiohttp.ClientSession,
    url: str,
    headers: Mapping[str, str],
    tls: ssl.SSLContext | None,
    timeout_secs: float,
) -> ServerSocket:
    """Raises SocketFailed."""
    try:
        async with asyncio.timeout(timeout_secs):
            socket = await session.ws_connect(
                url,
                headers=headers,
                ssl=tls if tls is not None else True,
                max_msg_size=MAX_MESSAGE_BYTES,
                heartbeat=PING_SECS,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT),
            )
    except TimeoutError:
        raise SocketFailed("backend_timeout", f"no connection in {timeout_secs:g} s") from None
    except aiohttp.WSServerHandshakeError as error:
        raise _refused(error.status, error.headers) from None
    except (aiohttp.ClientSSLError, ssl.SSLError) as error:
        raise SocketFailed("backend_certificate", _words(error), lasting=True) from None
    except (aiohttp.ClientError, OSError) as error:
        raise SocketFailed("backend_unreachable", _words(error)) from None
    return ServerSocket(socket)


def _refused(status: int, headers: Mapping[str, str] | None) -> SocketFailed:
    why = f"the server answered the connection with HTTP {status}"
    if status in (429, 503):
        after = (headers or {}).get("Retry-After", "")
        wait_secs = float(after) if after.isascii() and after.isdigit() else None
        return SocketFailed("backend_busy", why, wait_secs=wait_secs)
    if status in (401, 403):
        return SocketFailed("backend_refused", f"{why}: check api_key", lasting=True)
    if 400 <= status < 500:
        return SocketFailed("backend_refused", f"{why}: check url and model", lasting=True)
    return SocketFailed("backend_unreachable", why)


def _words(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.errno is not None:
        number, told = error.os_error.errno, error.os_error.strerror
        why = os.strerror(number) if number > 0 else told  # a name server's have their own words
        return f"{error.host}:{error.port}: {why}"
    return str(error)[:200] or type(error).__name__
