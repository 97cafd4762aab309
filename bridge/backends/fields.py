"""Reading a server's message: what is missing or of another type is malformed."""

import base64
import binascii
from typing import Any

from bridge.backends.interface import Message

MAX_AUDIO_BYTES = 4 * 1024 * 1024
"""Of one message: 87 s of PCM16 at 24 kHz."""
MAX_COUNT = 2**32 - 1
"""What the plugin's messages have room for."""


class Malformed(Exception):
    """The message does not hold what its type says. Never repeats a value."""


def plain(text: str) -> str:
    """Without halves of characters, which JSON can hold and UTF-8 cannot: two that belong together
    become one character, any other becomes U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def text(message: Message, key: str) -> str:
    return _of(message, key, str)


def number(message: Message, key: str) -> int:
    value = message.get(key)
    if isinstance(value, bool):
        raise Malformed(f"{key} is no number")
    return _of(message, key, int)


def table(message: Message, key: str) -> Message:
    return _of(message, key, dict)


def maybe_text(message: Message, key: str) -> str:
    """Empty when it is absent or null."""
    return "" if message.get(key) is None else text(message, key)


def loose_text(message: Message, key: str) -> str:
    """The same, and a number is text too; empty for anything else. For what is only reported."""
    value = message.get(key)
    known = isinstance(value, str | int | float) and not isinstance(value, bool)
    return str(value) if known else ""


def maybe_number(message: Message, key: str) -> int:
    """0 when it is absent or null."""
    return 0 if message.get(key) is None else number(message, key)


def maybe_table(message: Message, key: str) -> Message:
    return {} if message.get(key) is None else table(message, key)


def audio(message: Message, key: str) -> bytes:
    """Base64 of whole samples, but for that last which is the codec's business."""
    encoded = text(message, key)
    if len(encoded) > MAX_AUDIO_BYTES * 4 // 3 + 4:
        raise Malformed(f"{key} is too long")
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed(f"{key} is no base64") from None


def counts(message: Message, prefix: str = "") -> dict[str, int]:
    """Every whole number from 0 to `MAX_COUNT` in it and in the tables within, by dotted name."""
    found: dict[str, int] = {}
    for key, value in message.items():
        if isinstance(value, dict) and prefix.count(".") < 2:
            found |= counts(value, f"{prefix}{key}.")
        elif isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT:
            found[f"{prefix}{key}"] = value
    return found


def _of(message: Message, key: str, kind: type) -> Any:
    value = message.get(key)
    if not isinstance(value, kind):
        raise Malformed(f"{key} is missing" if value is None else f"{key} has the wrong type")
    return value
