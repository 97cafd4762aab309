"""Hosts and ports as a configuration writes them."""

import ipaddress
import re

DEFAULT_SIP_PORT = 5060
DEFAULT_SIPS_PORT = 5061
"""RFC 3261 section 19.1.2."""

# RFC 1123 section 2.1; an underscore is tolerated, since private DNS zones use it.
_HOSTNAME = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_-]{1,63})*\.?\Z"
)


def split_host_port(text: str, default_port: int | None = None) -> tuple[str, int]:
    """Split `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`; the host comes without brackets.

    Raises ValueError, which says what is wrong, for anything else and for a missing port when
    there is no `default_port`.
    """
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError("an IPv6 address is written [ADDRESS]:PORT")
        _check_ip(host, version=6)
        port_text = rest[1:] if rest else None
    else:
        host, colon, tail = text.partition(":")
        if ":" in tail:
            raise ValueError("an IPv6 address is written [ADDRESS]:PORT")
        _check_host(host)
        port_text = tail if colon else None
    if port_text is None:
        if default_port is None:
            raise ValueError("the port is missing: write HOST:PORT")
        return host, default_port
    return host, _port(port_text)


def is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def bracketed(host: str) -> str:
    """As a URI has it: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    """Whether nothing sent there leaves this machine."""
    return host == "localhost" or (is_ip_address(host) and ipaddress.ip_address(host).is_loopback)


def _port(text: str) -> int:
    # int() would also take "+5", "1_0" and the digits of other scripts.
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise ValueError("the port must be a number from 1 to 65535")
    return int(text)


def _check_ip(host: str, version: int) -> None:
    if not is_ip_address(host) or ipaddress.ip_address(host).version != version:
        raise ValueError(f"not an IPv{version} address between the brackets")


def _check_host(host: str) -> None:
    if not host:
        raise ValueError("the host is missing")
    if re.fullmatch(r"[0-9.]+", host):
        if not is_ip_address(host):
            raise ValueError("not a valid IPv4 address")
    elif not _HOSTNAME.match(host):
        raise ValueError("not a valid host name")
