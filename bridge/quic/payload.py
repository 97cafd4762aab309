"""The payload of packets that carry audio: DATAGRAM frames (RFC 9221) and acknowledgements."""

from typing import NamedTuple

from aioquic.buffer import Buffer
from aioquic.quic.packet import pull_ack_frame
from aioquic.quic.rangeset import RangeSet

PADDING, PING, ACK = 0x00, 0x01, 0x02
DATAGRAM, DATAGRAM_WITH_LENGTH = 0x30, 0x31
MAX_DATAGRAM = 1158
"""What fits a packet of 1200 bytes, whatever the length of the connection's id."""


class Payload(NamedTuple):
    datagrams: list[bytes]
    ack: tuple[RangeSet, int] | None
    """Packets that the other side has, and its delay in its own units."""
    is_ack_eliciting: bool


def _head(size: int) -> bytes:
    length = bytes((size,)) if size < 0x40 else (size | 0x4000).to_bytes(2, "big")
    return bytes((DATAGRAM_WITH_LENGTH,)) + length


HEADS = tuple(_head(size) for size in range(MAX_DATAGRAM + 1))
"""Type and length of a DATAGRAM frame, by the size of what it carries."""


def parse(plain: bytes, max_frame: int) -> Payload | None:
    """A packet's frames, or None when it holds anything else, or anything wrong: not ours to judge.

    `max_frame` is what this end has announced as its `max_datagram_frame_size`.
    """
    at, end = 0, len(plain)
    datagrams: list[bytes] = []
    ack = None
    eliciting = False
    try:
        while at < end:
            kind = plain[at]
            if kind == DATAGRAM_WITH_LENGTH:
                start = at + 2
                size = plain[at + 1]
                if size >= 0x80:
                    return None  # longer than any packet
                if size >= 0x40:
                    size = (size & 0x3F) << 8 | plain[start]
                    start += 1
                stop = start + size
                if stop > end or stop - at > max_frame:
                    return None
                datagrams.append(plain[start:stop])
                at = stop
            elif kind == DATAGRAM:
                if end - at > max_frame:
                    return None
                datagrams.append(plain[at + 1 :])
                at = end
            elif kind == ACK and ack is None:
                buffer = Buffer(data=plain)
                buffer.seek(at + 1)
                ack = pull_ack_frame(buffer)
                at = buffer.tell()
            elif kind == PING:
                eliciting = True
                at += 1
            else:
                return None
    except (ValueError, IndexError):
        return None
    return Payload(datagrams, ack, eliciting or bool(datagrams)) if end else None
