"""What is counted of one call on the plugin's end of the wire."""

from dataclasses import asdict, dataclass, field

from bridge.wire.reorder import TrackStats


@dataclass(slots=True)
class LegStats:
    """One call's counters on the plugin's side."""

    uplink_frames: int = 0
    uplink_unopened: int = 0
    """Frames not sent, since the agent had not taken the call yet."""
    breaks: int = 0
    """Breaks of the connection that the call has outlived, or was ended by."""
    break_secs: float = 0.0
    """Without a connection, all together."""
    uplink_shed: int = 0
    """Frames not sent, since the path took less than was said."""
    downlink: TrackStats = field(default_factory=TrackStats)
    fenced: int = 0
    """Frames of a reply that was cancelled, superseded or had ended."""
    uncommitted: int = 0
    """Frames that answer a turn which was never committed."""

    def flat(self) -> dict[str, float]:
        """By name, those of the downlink track with its name before theirs."""
        own = asdict(self)
        track = own.pop("downlink")
        return own | {f"downlink_{name}": count for name, count in track.items()}
