"""What the importers of other dialplans share: what they give, and how it is written."""

import json
from dataclasses import dataclass

SIP_CODES = {
    **{1: 404, 17: 486, 18: 408, 19: 480, 20: 480, 21: 603, 22: 410},
    **{27: 502, 28: 484, 34: 503, 38: 503, 41: 503, 42: 503, 88: 488},
}
"""Hangup causes (Q.850) and the SIP codes that refuse with them (RFC 3398 section 8.2.6.1)."""


@dataclass(frozen=True)
class Imported:
    toml: str
    left: tuple[tuple[int, str], ...]
    """Lines that were not taken over, and why."""


def toml_value(value: object) -> str:
    """Text, numbers, booleans, lists of text and tables of text, as TOML."""
    if isinstance(value, dict):
        pairs = (f"{name} = {toml_value(text)}" for name, text in value.items())
        return "{ " + ", ".join(pairs) + " }"
    return json.dumps(value, ensure_ascii=False)
