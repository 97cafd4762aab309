"""One version of IP for all of a plugin: that of `sip.bind`, since an SDP has one address."""

from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import TypeVar

from sip_plugin.config.address import is_ip_address, split_host_port

_Key = TypeVar("_Key")


def strangers(bind: str, written: Iterable[tuple[_Key, str]]) -> Iterator[tuple[_Key, str]]:
    """Which of these addresses, hosts and `HOST:PORT` do not go with `bind`, each with why.
    Empty ones do, and names, which are looked up for addresses of its version."""
    version = ip_address(bind).version
    for key, text in written:
        if not text:
            continue
        host = text if is_ip_address(text) else split_host_port(text, 0)[0]
        if is_ip_address(host) and ip_address(host).version != version:
            yield key, f"must be IPv{version}: sip.bind is IPv{version}"
