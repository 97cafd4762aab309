"""Where a gateway or a relay is, as its URI says."""

from typing import NamedTuple
from urllib.parse import urlsplit

from bridge.moqt.messages import Option
from bridge.moqt.pairs import Pairs


class Place(NamedTuple):
    """`quic://HOST:PORT` is a gateway itself, `moqt://HOST:PORT/PATH` a relay."""

    uri: str
    direct: bool
    host: str
    port: int
    options: Pairs
    """Of SETUP."""

    @classmethod
    def of(cls, uri: str) -> "Place":
        """Raises ValueError."""
        parts = urlsplit(uri)
        if parts.scheme not in ("quic", "moqt") or not parts.hostname or not parts.port:
            raise ValueError(f"{uri!r} is neither quic://HOST:PORT nor moqt://HOST:PORT/PATH")
        options: Pairs = ()
        if parts.scheme == "moqt":
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            options = (Option.PATH, path.encode()), (Option.AUTHORITY, parts.netloc.encode())
        return cls(uri, parts.scheme == "quic", parts.hostname, parts.port, options)
