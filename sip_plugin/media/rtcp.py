"""RTCP packets: reports, description, goodbye (RFC 3550 section 6), bytes and fields."""

import struct
from dataclasses import dataclass
from typing import NamedTuple

MAX_PACKET_BYTES = 1500
SENDER_REPORT = 200
RECEIVER_REPORT = 201
SOURCE_DESCRIPTION = 202
GOODBYE = 203
_CNAME = 1

_HEADER = struct.Struct("!BBH")
_WORD = struct.Struct("!I")
_SENDER = struct.Struct("!IQIII")
_BLOCK = struct.Struct("!IIIIII")


class MalformedRtcpError(ValueError):
    """The datagram is no compound RTCP packet (RFC 3550 appendix A.2)."""


class ReportBlock(NamedTuple):
    """How a receiver hears one sender."""

    ssrc: int
    fraction_lost: int
    """Since the last report, in 256ths."""
    lost: int
    """Since the beginning, 24 bits, signed."""
    highest_sequence: int
    jitter: int
    """In samples."""
    last_report: int
    """Middle 32 bits of the NTP time in the last sender report, 0 if none came."""
    delay: int
    """Since that report came, in 65536ths of a second."""


@dataclass(frozen=True, slots=True)
class SenderReport:
    ssrc: int
    ntp: int
    """64 bits: seconds and fraction."""
    timestamp: int
    packets: int
    octets: int
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class Goodbye:
    ssrcs: tuple[int, ...]
    reason: str = ""


Report = SenderReport | ReceiverReport | Goodbye


def parse(data: bytes) -> list[Report]:
    """Read a compound packet; parts of other types are stepped over.

    Raises MalformedRtcpError, and nothing else, for whatever bytes.
    """
    size = len(data)
    if size > MAX_PACKET_BYTES:
        raise MalformedRtcpError(f"{size} bytes, more than {MAX_PACKET_BYTES}")
    if size < 8 or data[1] not in (SENDER_REPORT, RECEIVER_REPORT) or data[0] & 0x20:
        raise MalformedRtcpError("does not begin with a report")
    reports: list[Report] = []
    start = 0
    while start < size:
        if start + 4 > size:
            raise MalformedRtcpError("ends within a header")
        first, kind, words = _HEADER.unpack_from(data, start)
        end = start + 4 + 4 * words
        if first >> 6 != 2 or end > size:
            raise MalformedRtcpError("wrong version or length")
        body = data[start + 4 : end]
        if first & 0x20:
            if end != size or not body or not 0 < body[-1] <= len(body):
                raise MalformedRtcpError("wrong padding")
            body = body[: -body[-1]]
        report = _parse_part(kind, first & 0x1F, body)
        if report is not None:
            reports.append(report)
        start = end
    return reports


def _parse_part(kind: int, count: int, body: bytes) -> Report | None:
    if kind == SENDER_REPORT:
        if len(body) < _SENDER.size + count * _BLOCK.size:
            raise MalformedRtcpError("sender report too short")
        return SenderReport(*_SENDER.unpack_from(body), _blocks(body, _SENDER.size, count))
    if kind == RECEIVER_REPORT:
        if len(body) < 4 + count * _BLOCK.size:
            raise MalformedRtcpError("receiver report too short")
        return ReceiverReport(_WORD.unpack_from(body)[0], _blocks(body, 4, count))
    if kind == GOODBYE:
        if len(body) < 4 * count:
            raise MalformedRtcpError("goodbye too short")
        ssrcs = struct.unpack_from(f"!{count}I", body)
        rest = body[4 * count :]
        reason = rest[1 : 1 + rest[0]].decode("utf-8", "replace") if rest else ""
        return Goodbye(ssrcs, reason)
    return None


def _blocks(body: bytes, start: int, count: int) -> tuple[ReportBlock, ...]:
    blocks = []
    for i in range(count):
        ssrc, losses, highest, jitter, last, delay = _BLOCK.unpack_from(
            body, start + i * _BLOCK.size
        )
        lost = losses & 0xFFFFFF
        if lost & 0x800000:
            lost -= 0x1000000
        blocks.append(ReportBlock(ssrc, losses >> 24, lost, highest, jitter, last, delay))
    return tuple(blocks)


def build(report: SenderReport | ReceiverReport, cname: str, goodbye: str | None = None) -> bytes:
    """A compound packet: the report, our name, and a BYE with `goodbye` as its reason if given."""
    blocks = b"".join(
        _BLOCK.pack(
            b.ssrc,
            b.fraction_lost << 24 | max(-0x800000, min(b.lost, 0x7FFFFF)) & 0xFFFFFF,
            b.highest_sequence,
            min(b.jitter, 0xFFFFFFFF),
            b.last_report,
            b.delay & 0xFFFFFFFF,
        )
        for b in report.blocks
    )
    count = len(report.blocks)
    if isinstance(report, SenderReport):
        sender = _SENDER.pack(
            report.ssrc, report.ntp, report.timestamp, report.packets, report.octets
        )
        packet = _part(SENDER_REPORT, count, sender + blocks)
    else:
        packet = _part(RECEIVER_REPORT, count, _WORD.pack(report.ssrc) + blocks)
    name = cname.encode()[:255]
    item = _WORD.pack(report.ssrc) + bytes((_CNAME, len(name))) + name
    packet += _part(SOURCE_DESCRIPTION, 1, item + bytes(4 - len(item) % 4))
    if goodbye is not None:
        text = goodbye.encode()[:255]
        body = _WORD.pack(report.ssrc) + bytes((len(text),)) + text
        packet += _part(GOODBYE, 1, body + bytes(-len(body) % 4))
    return packet


def _part(kind: int, count: int, body: bytes) -> bytes:
    return _HEADER.pack(0x80 | count, kind, len(body) // 4) + body
