"""Events of the plugin's control API, as the demo reads them (docs/control-api.md)."""

from dataclasses import dataclass, field, replace
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

    def later(self, ms: float) -> "PluginEvent":
        """The same on an audio clock that began `ms` before the plugin's."""
        return self if self.audio_ms is None else replace(self, audio_ms=self.audio_ms + ms)


def of_json(fields: Any) -> PluginEvent | None:
    """The event in one decoded line; None for what is none, such as a keepalive."""
    try:
        audio_ms = fields.get("audio_ms")
        return PluginEvent(
            event=str(fields["event"]),
            sid=str(fields.get("sid", "")),
            at=float(fields["at"]),
            audio_ms=None if audio_ms is None else float(audio_ms),
            data=dict(fields.get("data") or {}),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
