"""SIP headers that agents, administrators and the control API may set: whatever SIP does not own.

A text that began another header, or another message, would let whoever wrote it speak for us.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

MAX_HEADERS = 8
MAX_NAME = 64
MAX_TEXT = 256
MAX_BYTES = 1024
"""Of all together: a message that the stack has no room for would not be sent at all."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,63}")
# Those that route, identify, describe or protect a message or a dialog. One-letter names are
# their compact forms (RFC 3261 section 7.3.3).
_OWNED = re.compile(
    r"""(?xi)
    accept(-.*)? | allow(-events)? | answer-mode | authentication-info | (proxy-)?authorization
    | (proxy|www)-authenticate | call-id | contact | content-.* | cseq | date | event | expires
    | flow-timer | from | geolocation(-.*)? | identity(-info)? | in-reply-to | info-package | join
    | max-(breadth|forwards) | mime-version | min-(expires|se) | p-(asserted|preferred)-identity
    | path | permission-missing | privacy | (proxy-)?require | rack | reason | recv-info
    | (record-|service-)?route | refer-(events-at|sub|to) | referred-by | reject-contact | replaces
    | request-disposition | resource-priority | retry-after | rseq | security-.* | server
    | session-expires | sip-(etag|if-match) | subscription-state | (un)?supported | target-dialog
    | timestamp | to | trigger-consent | user-agent | via | warning
    """
)

Headers = tuple[tuple[str, str], ...]


def name_fault(name: str) -> str:
    """Why no header of that name may be set; empty: it may."""
    if not _NAME.fullmatch(name):
        return f"a name is 2 to {MAX_NAME} of A-Z a-z 0-9 -, a letter first"
    if _OWNED.fullmatch(name):
        return f"{name} is a header of SIP itself"
    return ""


def text_fault(text: str) -> str:
    """Why no header may have that text; empty: it may."""
    if not text.isprintable() or not text.strip():
        return "a text is one line, and not empty"
    return f"a text has at most {MAX_TEXT} characters" if len(text) > MAX_TEXT else ""


def pattern_fault(pattern: str) -> str:
    """Of a name, or of a beginning with a `*`, in a list of what an agent may set."""
    if not pattern.endswith("*"):
        return name_fault(pattern)
    if re.fullmatch(r"[Xx]-[A-Za-z0-9-]{0,61}\*", pattern):
        return ""
    return "a * stands at the end of a name that begins with X-"


def faults(headers: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Names of headers that may not be set, each with why."""
    size, seen = 0, set[str]()
    for count, (name, text) in enumerate(headers.items(), start=1):
        size += len(name) + len(text.encode(errors="replace")) + 4
        fault = name_fault(name) or text_fault(text)
        if not fault and name.lower() in seen:
            fault = "it is there twice"
        if not fault and (count > MAX_HEADERS or size > MAX_BYTES):
            fault = f"there are more than {MAX_HEADERS} headers, or than {MAX_BYTES} bytes of them"
        seen.add(name.lower())
        if fault:
            yield name, fault


def permitted(
    headers: Mapping[str, str], patterns: Sequence[str]
) -> tuple[Headers, dict[str, str]]:
    """Of what an agent wants to set: what it may, and what not, with why.

    `patterns`: names in any case, and beginnings with a `*`.
    """
    listed = {
        name: text
        for name, text in headers.items()
        if any(_matches(name.lower(), pattern.lower()) for pattern in patterns)
    }
    refused = {name[:MAX_NAME]: "not among sip_headers" for name in headers if name not in listed}
    faulty = dict(faults(listed))
    refused |= {name[:MAX_NAME]: why for name, why in faulty.items()}
    return tuple((name, text) for name, text in listed.items() if name not in faulty), refused


def _matches(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
