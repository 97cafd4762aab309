"""The servers of one agent: where they are, what a connection tells them, and how they did."""

import ssl
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp

from bridge.backends.options import ServerOptions, Unusable
from bridge.backends.places import Places
from bridge.backends.socket import SocketFailed, connect


@dataclass(slots=True)
class ServerStats:
    """Over all calls of the agent."""

    sessions: int = 0
    """Sessions that a server has taken."""
    renewed: int = 0
    """Of them, those that took the place of one that was about to end."""
    replies: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    """Connections that failed, or could not be made, by code."""
    notices: Counter[str] = field(default_factory=Counter)
    """What went wrong on calls that went on, by code."""
    dropped: Counter[str] = field(default_factory=Counter)
    """What servers sent and nobody wanted, by kind; of calls that are over."""


class Servers:
    def __init__(self, name: str, urls: Sequence[str], options: ServerOptions) -> None:
        """Raises Unusable for a `ca_file` that is none."""
        self.name = name
        self.options = options
        self.places = Places(urls)
        self.stats = ServerStats()
        self.tls = _tls(options.ca_file) if options.ca_file else None

    @property
    def attempts(self) -> int:
        """Connections that may be lost in a row before a call is."""
        return self.options.reconnects + len(self.places) - 1

    async def trouble(self) -> list[str]:
        """Ask each for a connection, and leave it at once: what is wrong, in words, by address."""
        found = []
        timeout_secs = self.options.connect_timeout_secs
        async with aiohttp.ClientSession() as http:
            for url in self.places.urls:
                try:
                    socket = await connect(http, url, self.headers("start"), self.tls, timeout_secs)
                    await socket.close()
                except SocketFailed as failed:
                    found.append(f"{urlsplit(url).netloc}: {failed}")
        return found

    def headers(self, sid: str) -> dict[str, str]:
        """Of the WebSocket's request."""
        options = self.options
        headers = {name: value.get_secret_value() for name, value in options.headers.items()}
        if key := options.api_key.get_secret_value():
            headers["Authorization"] = f"Bearer {key}"
        if options.routing_header:
            headers[options.routing_header] = options.routing_key or sid
        return headers


def _tls(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError:
        raise Unusable("ca_file", f"{ca_file} holds no certificate in PEM") from None
    except OSError as error:
        raise Unusable("ca_file", f"{ca_file} cannot be read: {error.strerror}") from None
