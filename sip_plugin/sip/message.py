"""The few things that we read from a SIP message ourselves, bounded (RFC 3261)."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

MAX_NAME = 128
"""Characters of a number or user name that are kept."""
MAX_HEADERS = 32
MAX_HEADER_VALUE = 256

_COMPACT = {"f": "from", "t": "to", "i": "call-id", "c": "content-type", "l": "content-length"}
_COMPACT |= {"o": "event", "r": "refer-to", "b": "referred-by", "v": "via", "m": "contact"}
MAX_URI = 512
_USER = re.compile(r"(?:sips?:([^@;:>\s]*)(?:[;:][^@>\s]*)?@)|(?:tel:([^;>\s]*))", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Message:
    """`start` is the request or status line; header names are in lower case, the first counts."""

    start: str
    headers: dict[str, str]
    body: str
    times: Mapping[str, int] = field(default_factory=Counter)
    """How often each header is there."""

    @property
    def called(self) -> str:
        """User part of the request URI."""
        words = self.start.split(" ")
        return user_of(words[1]) if len(words) > 1 else ""

    @property
    def caller(self) -> str:
        return user_of(self.headers.get("from", ""))

    @property
    def asserted(self) -> str:
        """User part of the first P-Asserted-Identity; empty when there is none."""
        return user_of(self.headers.get("p-asserted-identity", ""))

    @property
    def extra_headers(self) -> dict[str, str]:
        """X- headers, which carry an application's own facts: a bounded number, bounded values."""
        found = [(name, value) for name, value in self.headers.items() if name.startswith("x-")]
        return {name: printable(value)[:MAX_HEADER_VALUE] for name, value in found[:MAX_HEADERS]}

    @property
    def privacy(self) -> str:
        """The Privacy header (RFC 3323); empty when there is none."""
        return printable(self.headers.get("privacy", ""))[:MAX_HEADER_VALUE]

    @property
    def reason(self) -> str:
        """The Reason header (RFC 3326); empty when there is none."""
        return printable(self.headers.get("reason", ""))[:MAX_HEADER_VALUE]

    @property
    def retry_after_secs(self) -> float:
        """0 when there is no Retry-After."""
        match = re.match(r"[0-9]{1,6}", self.headers.get("retry-after", ""))
        return float(match[0]) if match else 0.0

    @property
    def sdp(self) -> str:
        """The body when it is a session description, or has one as a part; else empty."""
        kind = self.headers.get("content-type", "").lower()
        if kind.startswith("application/sdp"):
            return self.body
        if kind.startswith("multipart/"):
            for part in re.split(r"(?m)^--.*$", self.body):
                head, _, content = part.strip().partition("\n\n")
                if "application/sdp" in head.lower():
                    return content
        return ""


def parse(text: str) -> Message:
    """Read one message. Never fails: what is not there is empty."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    start, *lines = re.sub(r"\n[ \t]+", " ", head).split("\n")
    headers: dict[str, str] = {}
    times: Counter[str] = Counter()
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            key = name.strip().lower()
            key = _COMPACT.get(key, key)
            headers.setdefault(key, value.strip())
            times[key] += 1
    return Message(start, headers, body, times)


def user_of(uri: str) -> str:
    """User part of a SIP or tel URI, or of a header that holds one; empty when it has none."""
    match = _USER.search(uri[:MAX_URI])
    return printable(unquote(match[1] or match[2] or ""))[:MAX_NAME] if match else ""


def printable(text: str) -> str:
    """`text` without control characters, so that it can go into a log line or a header."""
    return "".join(char for char in text if char.isprintable())
