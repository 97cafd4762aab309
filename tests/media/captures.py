"""Real traffic, from tests/fixtures/rtp."""

import struct
from collections.abc import Iterator
from pathlib import Path

FIXTURES = Path(__file__).parent.parent / "fixtures" / "rtp"
_FILE_HEADER = 24
_ETHERNET_IP_UDP = 14 + 20 + 8


def captured(name: str) -> Iterator[tuple[float, bytes]]:
    """The UDP payloads of a capture (pcap, Ethernet, IPv4), with seconds since the first."""
    data = (FIXTURES / name).read_bytes()
    assert data[:4] == b"\xd4\xc3\xb2\xa1", "not a little-endian pcap file"
    start, at = None, _FILE_HEADER
    while at < len(data):
        seconds, micros, size, _ = struct.unpack_from("<IIII", data, at)
        at += 16
        now = seconds + micros / 1e6
        start = now if start is None else start
        yield now - start, data[at + _ETHERNET_IP_UDP : at + size]
        at += size
