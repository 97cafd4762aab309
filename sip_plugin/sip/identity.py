"""Who a call of ours says it is from: From, P-Asserted-Identity (RFC 3325), Privacy (RFC 3323)."""

from typing import NamedTuple

from sip_plugin.sip.trunks import Trunk

ANONYMOUS = "anonymous"
"""The caller-ID that withholds the number of one call."""
_ANONYMOUS_FROM = '"Anonymous" <sip:anonymous@anonymous.invalid>'
"""RFC 3323 section 4.1.1.3."""


class Identity(NamedTuple):
    local_uri: str
    """For From; empty: the account's own."""
    headers: tuple[tuple[str, str], ...] = ()


def identity(trunk: Trunk, caller_id: str) -> Identity:
    """`caller_id`: a number, `ANONYMOUS`, or empty for the trunk's own user.

    A withheld number still goes to a trunk that is trusted with it, in P-Asserted-Identity: it
    bills by it, and shows it to nobody.
    """
    config = trunk.config
    withheld = config.withhold_caller_id or caller_id.lower() == ANONYMOUS
    number = "" if caller_id.lower() == ANONYMOUS else caller_id
    own = number or config.sip_username
    headers: list[tuple[str, str]] = []
    if config.asserted_identity and own:
        headers.append(("P-Asserted-Identity", f"<{trunk.uri_of(own)}>"))
    if withheld:
        headers.append(("Privacy", "id"))
        return Identity(_ANONYMOUS_FROM, tuple(headers))
    display = f'"{config.display_name}" ' if config.display_name else ""
    return Identity(f"{display}<{trunk.uri_of(number)}>" if number else "", tuple(headers))
