"""The bounds of a MoQT session: what the draft limits, and what this end takes.

Sizes in bytes, times in seconds, rates per second.
"""

from dataclasses import dataclass

MAX_VARINT = 2**64 - 1
MAX_MESSAGE = 2**16 - 1
"""A control message's payload."""
MAX_NAMESPACE_FIELDS = 32
MAX_FULL_TRACK_NAME = 4096
MAX_REASON = 1024
MAX_URI = 8192
MAX_PAIR_VALUE = 2**16 - 1


@dataclass(frozen=True)
class Limits:
    """What one end of a session puts up with."""

    requests: int = 1024
    """Requests of the other side that are open at a time; more are refused, EXCESSIVE_LOAD."""
    request_burst: int = 2048
    request_rate: float = 500.0
    """Requests and updates of the other side; faster than that ends the session."""
    message_bytes: int = 16 * 1024
    """A control message's payload."""
    data_streams: int = 1024
    """Incoming subgroup streams open at a time; more are stopped, EXCESSIVE_LOAD."""
    unknown_streams: int = 64
    """Incoming subgroup streams of a track that is not known yet."""
    unknown_bytes: int = 16 * 1024
    """What is kept of each of them, until the track is known."""
    unknown_wait: float = 2.0
    """How long it is kept."""
    object_bytes: int = 64 * 1024
    """An object's payload on a stream."""
    properties_bytes: int = 1024
    """An object's properties."""
    setup_wait: float = 5.0
    """From the session's start to the other side's whole SETUP."""
    request_wait: float = 10.0
    """From the opening of a request stream to its whole first message."""
