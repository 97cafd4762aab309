"""SIP INFO that the stack does not know: keys as `application/dtmf`, and keep-alives.

The stack answers `application/dtmf-relay` by itself, and everything else with 400 or 500, which
some PBXs end the call for.
"""

import re

from sip_plugin.sip.message import Message

KEYS = "0123456789ABCD*#"
USUAL_MS = 160


def key_of(text: str) -> str:
    """The one key that a digit of the stack or of a peer stands for; empty when it is none."""
    key = text.strip().upper()
    key = {"10": "*", "11": "#"}.get(key, key)
    return key if len(key) == 1 and key in KEYS else ""


def read(message: Message) -> tuple[int, str] | None:
    """How to answer an INFO, and the key in it; None when the stack does it."""
    kind = message.headers.get("content-type", "").split(";")[0].strip().lower()
    if not message.body.strip():
        return 200, ""
    if kind != "application/dtmf":
        return None
    named = re.match(r"(?i)\s*(?:signal\s*=)?\s*([0-9A-D*#]{1,2})\s*(?:\n|$)", message.body)
    key = key_of(named[1]) if named else ""
    return (200, key) if key else (400, "")
