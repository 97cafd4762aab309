"""What is counted of one call on the gateway's end of the wire."""

from dataclasses import dataclass, field

from bridge.wire.reorder import TrackStats


@dataclass(slots=True)
class SessionStats:
    """One call's counters on the gateway's side."""

    uplink: TrackStats = field(default_factory=TrackStats)
    downlink_frames: int = 0
    fenced: int = 0
    """Frames thrown away since their reply was cancelled or superseded."""
    breaks: int = 0
    """Breaks of the connection that the call has outlived."""
    commits_waited: int = 0
    """Commits that came before the last of their audio."""
