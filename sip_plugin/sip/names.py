"""The addresses behind a trunk's name, as the SIP stack finds them (RFC 3263).

The stack looks up names itself when it sends; this is for what it does not tell: from which
addresses a trunk's calls come, and why a name leads nowhere.
"""

import asyncio
import socket
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.resolver

from sip_plugin.config.address import is_ip_address, split_host_port
from sip_plugin.sip.ways import SERVICES, Naptr, Way, by_naptr, by_srv

LOOKUP_SECS = 4.0
"""Of one question, over all name servers."""
MAX_TARGETS = 16
"""Of one name's SRV records."""
MAX_SERVERS = 4
"""Name servers that are asked; the SIP stack takes no more."""
HOSTS = Path("/etc/hosts")
CHOICE_SECS = 8.0
"""Until a trunk's transport is chosen, or UDP taken instead."""
MAX_RECORDS = 16
"""Of NAPTR."""


def in_hosts_file(host: str, hosts: Path = HOSTS) -> bool:
    """Whether the system knows it without asking a name server."""
    if host.lower() == "localhost":
        return True
    try:
        text = hosts.read_text(errors="replace")
    except OSError:
        return False
    lines = (line.partition("#")[0].lower().split() for line in text.splitlines())
    return any(host.lower() in words[1:] for words in lines if words)


def name_servers(configured: Sequence[str], ways: Iterable[str]) -> tuple[str, ...]:
    """Those that the SIP stack shall ask; none: it leaves its names to the system.

    `ways` are `HOST` or `HOST:PORT` of all trunks. The stack asks name servers for every name or
    for none, and the system's look-up, which knows /etc/hosts, makes all calls wait.
    """
    hosts = {split_host_port(at, 0)[0] for at in ways}
    if not any(not is_ip_address(host) and not in_hosts_file(host) for host in hosts):
        return ()
    return tuple(configured or _system_servers())[:MAX_SERVERS]


def _system_servers() -> list[str]:
    try:
        found = dns.resolver.Resolver().nameservers
    except dns.exception.DNSException:
        return []
    return [server for server in found if isinstance(server, str) and is_ip_address(server)]


class Names:
    def __init__(self, servers: Sequence[str] = (), version: int = 4) -> None:
        """`servers`: IP addresses; none: whatever the system does with a name. `version`: of the
        addresses that are looked for."""
        self._servers = list(servers)
        self._kind = "AAAA" if version == 6 else "A"
        self._family = socket.AF_INET6 if version == 6 else socket.AF_INET

    async def addresses(self, at: str, transport: str) -> list[str]:
        """The addresses of `HOST` or `HOST:PORT`. Raises OSError when it has none.

        Without a port those of its SRV records for `udp`, `tcp` or `tls`, if it has any.
        """
        host, port = split_host_port(at, 0)
        if is_ip_address(host):
            return [str(ip_address(host))]
        if not self._servers or in_hosts_file(host):
            return await self._by_system(host)
        targets = [] if port else await self._targets(host, transport)
        found: list[str] = []
        for target in targets or [host]:
            found += await self._ask(target, self._kind)
        if not found:
            known = f"no address ({self._kind}) is known"
            raise OSError(0, f"{known} at {', '.join(self._servers)}")
        return found

    async def way(self, at: str, supported: Collection[str]) -> tuple[Way, str]:
        """How `HOST` or `HOST:PORT` is best reached, and `HOST` or `HOST:PORT` to send to instead;
        UDP and nothing where its records do not say. Takes `CHOICE_SECS` at most."""
        host, port = split_host_port(at, 0)
        if is_ip_address(host) or port or not self._servers or in_hosts_file(host):
            return Way(), ""
        try:
            async with asyncio.timeout(CHOICE_SECS):
                return await self._chosen(host, supported)
        except TimeoutError:
            return Way(), ""

    async def _chosen(self, host: str, supported: Collection[str]) -> tuple[Way, str]:
        offered = by_naptr(host, await self._naptr(host), supported) or by_srv(host, supported)
        for way in offered:
            records = await self._ask(way.records, "SRV")
            if not any(record.split()[3] != "." for record in records):
                continue
            if way.records == f"{SERVICES[way.transport]}.{host.lower()}":
                return way, ""
            if _is_host_port(to := way.host_beside(host) or _first(records)):
                return way, to
        return Way(), ""

    async def _naptr(self, host: str) -> list[Naptr]:
        found = []
        for record in (await self._answers(host, "NAPTR"))[:MAX_RECORDS]:
            texts = (record.flags, record.service, record.regexp)
            flags, service, regexp = (text.decode("ascii", "replace") for text in texts)
            replacement = record.replacement.to_text()
            order, preference = record.order, record.preference
            found.append(Naptr(order, preference, flags, service, regexp, replacement))
        return found

    async def _targets(self, host: str, transport: str) -> list[str]:
        records = await self._ask(f"{SERVICES[transport]}.{host}", "SRV")
        words = [record.split() for record in records[:MAX_TARGETS]]
        return [target.rstrip(".") for *_, target in words if target != "."]

    async def _ask(self, name: str, kind: str) -> list[str]:
        """The records as text; none when there are none, or nobody answers."""
        return [record.to_text() for record in await self._answers(name, kind)]

    async def _answers(self, name: str, kind: str) -> list[Any]:
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = self._servers
        resolver.lifetime = LOOKUP_SECS
        try:
            answer = await resolver.resolve(name, kind, search=False)
        except (dns.exception.DNSException, OSError):
            return []
        return list(answer)

    async def _by_system(self, host: str) -> list[str]:
        resolve = partial(
            socket.getaddrinfo, host, None, family=self._family, type=socket.SOCK_DGRAM
        )
        found = await asyncio.get_running_loop().run_in_executor(None, resolve)
        return [entry[4][0] for entry in found]


def _is_host_port(text: str) -> bool:
    """Whoever writes records can put anything into a name, and 0 for a port."""
    try:
        split_host_port(text, 0)
    except ValueError:
        return False
    return True


def _first(records: list[str]) -> str:
    """`HOST:PORT` of the SRV record that goes before the others (RFC 2782)."""
    words = [record.split() for record in records]
    _, _, port, target = min(words, key=lambda word: (int(word[0]), -int(word[1])))
    return f"{target.rstrip('.')}:{port}"
