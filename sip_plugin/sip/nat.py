"""A phone behind a router, by its INVITE: its Contact leads nowhere, though its packets come.

Core without I/O. What a registrar or proxy does for the phones behind it (it writes the source
into Contact) we do for those that call us directly, as RFC 5626 has it: what belongs to the call
goes back where it came from.
"""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from sip_plugin.sip.message import Message

_PRIVATE = tuple(
    ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"),
        *("127.0.0.0/8", "fc00::/7", "fe80::/10", "::1/128"),
    )
)
_HOST = r"(\[[0-9a-fA-F:.]+\]|[^\s;:,>@?]+)"
_VIA = re.compile(rf"SIP\s*/\s*2\.0\s*/\s*(UDP|TCP|TLS)\s+{_HOST}", re.IGNORECASE)
_CONTACT = re.compile(rf"sips?:(?:[^@>\s]*@)?{_HOST}", re.IGNORECASE)


def way_back(invite: Message, source: tuple[str, int]) -> str:
    """URI of a route to `source`, for an INVITE whose Contact is not to be reached; else empty.

    That is so when its sender took itself for another address than its packets come from, and
    wrote that into Contact; or when Contact is private, and the source is not. A public address is
    reached though its packets seem to come from a private one: that is a router of ours, which
    soon forgets them. A proxy that wants to stay on the way (Record-Route) knows better.
    """
    via = _VIA.search(invite.headers.get("via", ""))
    contact = _CONTACT.search(invite.headers.get("contact", ""))
    if via is None or contact is None or "record-route" in invite.headers:
        return ""
    host, port = source
    try:
        written, seen = ip_address(contact[1].strip("[]")), ip_address(host)
        own = ip_address(via[2].strip("[]"))
    except ValueError:
        return ""  # a name: whoever writes one knows where it leads
    if written == seen or written.version != seen.version:
        return ""
    reachable = own != written if _is_private(written) is _is_private(seen) else _is_private(seen)
    if reachable:
        return ""
    at = f"[{seen}]" if seen.version == 6 else str(seen)
    transport = via[1].lower()
    return f"sip:{at}:{port}" + ("" if transport == "udp" else f";transport={transport}")


def _is_private(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in _PRIVATE if network.version == address.version)
