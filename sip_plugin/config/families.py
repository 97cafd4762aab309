"""One version of IP for all of a plugin: that of `sip.bind`, since an SDP has one address."""

from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import TypeVar

from sip_plugin.config.address import is_ip_address, split_host_port

_Key = TypeVar("_Key")
_NO_NAME = "must be an IPv6 address, since names are looked up for IPv4 only"


def strangers(bind: str, written: Iterable[tuple[_Key, str]]) -> Iterator[tuple[_Key, str]]:
    """Which of these addresses, hosts and `HOST:PORT` do not go with `bind`, each with why.
    Empty ones do."""
    version = ip_address(bind).version
    for key, text in written:
        if not text:
            continue
        host = text if is_ip_address(text) else split_host_port(text, 0)[0]
        if not is_ip_address(host):
            problem = _NO_NAME if version == 6 else ""
        else:
            problem = "" if ip_address(host).version == version else f"must be IPv{version}"
        if problem:
            yield key, f"{problem}: sip.bind is IPv{version}"
