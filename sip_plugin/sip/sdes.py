"""Keys of SRTP in session descriptions (SDES, RFC 4568): read, and matched with one another.

The SIP stack makes and negotiates the `a=crypto` lines; the media plane needs the keys in them.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import NamedTuple

from pydantic import SecretStr

from sip_plugin.media.description import SrtpKeys, SrtpSuite

MASTER_BYTES = 30
"""Key of 128 and salt of 112 bits (RFC 4568 section 6.2.1)."""
MAX_CRYPTOS = 16
"""Of one stream; further lines are left unread."""
_LINE = re.compile(r"a=crypto:\s*([0-9]{1,9})\s+(\S+)\s+(\S+)[ \t]*(.*)\Z", re.IGNORECASE)
_HARMLESS = re.compile(r"WSH=[0-9]{1,5}\Z", re.IGNORECASE)
"""The one session parameter that changes nothing for the sender (RFC 4568 section 6.3.5)."""


class Crypto(NamedTuple):
    """One `a=crypto` line that we can use."""

    tag: int
    suite: SrtpSuite
    key: bytes

    def __repr__(self) -> str:
        return f"Crypto(tag={self.tag}, suite={self.suite})"


def read(lines: Sequence[str]) -> tuple[Crypto, ...]:
    """The usable ones among the lines of a stream.

    Others name a suite that we do not have, several keys, a key identifier (MKI), or session
    parameters that turn protection off or move keys.
    """
    found = [line for line in lines if line[:9].lower() == "a=crypto:"][:MAX_CRYPTOS]
    return tuple(crypto for crypto in map(_read, found) if crypto is not None)


def _read(line: str) -> Crypto | None:
    match = _LINE.match(line.strip())
    if match is None:
        return None
    tag, suite, keys, parameters = match.groups()
    method, colon, inline = keys.partition(":")
    key, *life = inline.split("|")
    if method.lower() != "inline" or not colon or any(":" in part for part in life):
        return None
    if not all(_HARMLESS.match(word) for word in parameters.split()):
        return None
    try:
        master = base64.b64decode(key, validate=True)
        crypto = Crypto(int(tag), SrtpSuite(suite.upper()), master)
    except (ValueError, binascii.Error):
        return None
    return crypto if len(master) == MASTER_BYTES else None


def agreed(ours: Sequence[Crypto], theirs: Sequence[Crypto]) -> SrtpKeys | None:
    """The keys of an offer and its answer, whichever is whose; None when they have none in common.

    An answer has one line, with tag and suite of the line of the offer that it takes; each
    side's line has the key of what that side sends (RFC 4568 section 5.1).
    """
    for local in ours:
        for remote in theirs:
            if (local.tag, local.suite) == (remote.tag, remote.suite):
                return SrtpKeys(
                    suite=local.suite, send=_secret(local.key), receive=_secret(remote.key)
                )
    return None


def _secret(key: bytes) -> SecretStr:
    return SecretStr(base64.b64encode(key).decode())
