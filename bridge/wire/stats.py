"""What a connection of the model leg counts."""

from dataclasses import dataclass


@dataclass(slots=True)
class TransportStats:
    """One connection's counters."""

    packets_sent: int = 0
    packets_received: int = 0
    datagrams_sent: int = 0
    datagrams_received: int = 0
    datagrams_malformed: int = 0
    datagrams_unknown: int = 0
    """For a call that is not open: it ended, or never was."""
    streams_refused: int = 0
    """Data on streams that are no call's."""
    datagrams_dropped: int = 0
    """Shed by us, oldest first, since the path did not take them in time."""
    datagrams_lost: int = 0
    """Carried by a packet that did not arrive."""
    datagrams_repaired: int = 0
    """Sent again for that."""
    datagrams_doubled: int = 0
    """Sent twice without waiting for a loss."""
    datagrams_too_large: int = 0
    """Not sent: they do not fit a packet of every path."""
    backed_off: int = 0
    """How often congestion lowered the rate."""
    moves: int = 0
    """How often the connection went on from another socket."""
    packet_bytes: int = 0
    """The size of UDP payloads that the path is used with."""
    black_holes: int = 0
    """How often larger packets stopped arriving."""
