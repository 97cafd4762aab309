"""What watchers of calls are told: one JSON object a line, encoded once for all of them."""

import json
from dataclasses import dataclass
from typing import Any

MAX_RECORD_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Record:
    """One line of an event stream. `sid` is empty for what belongs to no call."""

    sid: str
    line: bytes
    whole: bool = True
    """Its data was short enough to be told."""


def record(sid: str, event: str, at: float, data: dict[str, Any], **more: Any) -> Record:
    """Encode one event. `at` is Unix time in seconds; data that is too long is left out."""
    fields = {"sid": sid, "event": event, "at": round(at, 3), **more}
    line = json.dumps({**fields, "data": data}, separators=(",", ":")).encode()
    whole = len(line) <= MAX_RECORD_BYTES
    if not whole:
        left_out = {"left_out_bytes": len(line)}
        line = json.dumps({**fields, "data": left_out}, separators=(",", ":")).encode()
    return Record(sid, line + b"\n", whole)
