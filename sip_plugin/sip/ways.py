"""By which transport a trunk is reached, as its NAPTR and SRV records say (RFC 3263 section 4.1).

Core without I/O: records in, ways out.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

SERVICES = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}
"""What SRV records of a transport begin with."""
PREFERENCE = ("tls", "udp", "tcp")
"""Where there are SRV records of several transports, and none of NAPTR that says more."""
_TRANSPORTS = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}


class Naptr(NamedTuple):
    """A record (RFC 3403 section 4.1)."""

    order: int
    preference: int
    flags: str
    service: str
    regexp: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Way:
    transport: str = "udp"
    records: str = ""
    """Name of the SRV records that lead there; empty: there are none."""

    def host_beside(self, host: str) -> str:
        """Whose standard SRV records these are, if not those of `host` itself; else empty."""
        prefix = f"{SERVICES[self.transport]}."
        if not self.records.startswith(prefix):
            return ""
        named = self.records.removeprefix(prefix)
        return "" if named == host.lower() else named


def by_naptr(host: str, records: Iterable[Naptr], supported: Collection[str]) -> list[Way]:
    """What `host` offers of what we have, the best first.

    A record for TLS that leads out of `host` is left out: whoever forges it could show a good
    certificate of another name.
    """
    found: list[Way] = []
    for record in sorted(records, key=lambda record: (record.order, record.preference)):
        transport = _TRANSPORTS.get(record.service.upper(), "")
        if transport not in supported or record.flags.lower() != "s" or record.regexp:
            continue
        way = Way(transport, record.replacement.rstrip(".").lower())
        if transport == "tls" and way.records != f"{SERVICES['tls']}.{host.lower()}":
            continue
        if way.records:
            found.append(way)
    return found


def by_srv(host: str, supported: Collection[str]) -> list[Way]:
    """The ways that `host` may have records of, the best first."""
    return [
        Way(transport, f"{SERVICES[transport]}.{host.lower()}")
        for transport in PREFERENCE
        if transport in supported
    ]
