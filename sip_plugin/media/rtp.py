"""RTP packets: RFC 3550 section 5.1, bytes in, fields out, and back."""

import struct
from enum import StrEnum
from typing import NamedTuple

MAX_PACKET_BYTES = 1500
"""Larger than any Ethernet frame carries: not a phone's audio."""
COMFORT_NOISE = 13
"""Static payload type of RFC 3389."""

_HEADER = struct.Struct("!BBHII")
_EXTENSION = struct.Struct("!HH")


class Malformed(StrEnum):
    """Why a packet is no RTP packet of ours."""

    SHORT = "short"
    OVERSIZE = "oversize"
    VERSION = "version"
    CSRC = "csrc"
    EXTENSION = "extension"
    PADDING = "padding"


class MalformedPacketError(ValueError):
    """Raised by `parse`; `reason` is what to count it under."""

    def __init__(self, reason: Malformed):
        super().__init__(f"not an RTP packet: {reason}")
        self.reason = reason


class RtpPacket(NamedTuple):
    payload_type: int
    """0 to 127."""
    sequence: int
    """0 to 65535."""
    timestamp: int
    """32 bits, in samples."""
    ssrc: int
    payload: bytes
    marker: bool = False


def parse(data: bytes) -> RtpPacket:
    """Read one datagram. CSRCs and a header extension are stepped over, padding is cut off.

    Raises MalformedPacketError, and nothing else, for whatever bytes.
    """
    size = len(data)
    if size < 12:
        raise MalformedPacketError(Malformed.SHORT)
    if size > MAX_PACKET_BYTES:
        raise MalformedPacketError(Malformed.OVERSIZE)
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if first == 0x80:  # no padding, extension or CSRC: nearly every packet
        return RtpPacket(second & 0x7F, sequence, timestamp, ssrc, data[12:], second > 127)
    if first >> 6 != 2:
        raise MalformedPacketError(Malformed.VERSION)
    start = 12 + 4 * (first & 0x0F)
    if start > size:
        raise MalformedPacketError(Malformed.CSRC)
    if first & 0x10:
        if start + 4 > size:
            raise MalformedPacketError(Malformed.EXTENSION)
        start += 4 + 4 * _EXTENSION.unpack_from(data, start)[1]
        if start > size:
            raise MalformedPacketError(Malformed.EXTENSION)
    if first & 0x20:
        padding = data[-1]
        if padding == 0 or start + padding > size:
            raise MalformedPacketError(Malformed.PADDING)
        size -= padding
    return RtpPacket(
        second & 0x7F, sequence, timestamp, ssrc, data[start:size], bool(second & 0x80)
    )


def build(packet: RtpPacket | tuple[int, int, int, int, bytes, bool]) -> bytes:
    """The datagram of `packet`, or of its fields, without CSRC, extension or padding."""
    payload_type, sequence, timestamp, ssrc, payload, marker = packet
    return (
        _HEADER.pack(0x80, payload_type | (0x80 if marker else 0), sequence, timestamp, ssrc)
        + payload
    )
