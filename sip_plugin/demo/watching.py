"""Events of the plugin's control API, as the demo reads them (docs/control-api.md)."""

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class PluginEvent:
    """One line of the event stream."""

    event: str
    sid: str
    at: float
    """Unix time in seconds."""
    audio_ms: float | None
    """The caller's sample clock in the plugin, for events of the audio."""
    data: dict[str, Any] = field(default_factory=dict)


def parse(line: bytes) -> PluginEvent | None:
    """The event in one line; None for what is none."""
    try:
        fields = json.loads(line)
        audio_ms = fields.get("audio_ms")
        return PluginEvent(
            event=str(fields["event"]),
            sid=str(fields.get("sid", "")),
            at=float(fields.get("at", 0.0)),
            audio_ms=None if audio_ms is None else float(audio_ms),
            data=dict(fields.get("data") or {}),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
