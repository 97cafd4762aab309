"""Encrypted audio at the edge of the sockets (SRTP, RFC 3711): what lies within is plain RTP."""

import base64
from collections.abc import Callable
from dataclasses import dataclass

import pylibsrtp
from pydantic import SecretStr

from sip_plugin.media.description import SrtpKeys, SrtpSuite

OLD_KEY_SECS = 1.0
"""After a new key: how long packets under the one before it may still arrive."""
REPLAY_WINDOW = 1024
"""Packets; reordering of more than 20 s is none (RFC 3711 section 3.3.2 asks for 64)."""

_PROFILES = {
    SrtpSuite.AES_CM_128_HMAC_SHA1_80: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    SrtpSuite.AES_CM_128_HMAC_SHA1_32: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
}

SrtpError = pylibsrtp.Error
"""A packet could not be protected; its text never has a key."""


@dataclass(slots=True)
class SrtpStats:
    suite: str = ""
    """In use last; empty: the call was not encrypted."""
    rejected: int = 0
    """Packets, of RTP and RTCP, that were not authentic, replayed, or not encrypted: dropped."""
    keys_changed: int = 0
    """After the first ones."""


class Srtp:
    """One call's protection, both ways. `now` is monotonic seconds."""

    def __init__(self) -> None:
        self.stats = SrtpStats()
        self._keys: SrtpKeys | None = None
        self._sender: pylibsrtp.Session | None = None
        self._receiver: pylibsrtp.Session | None = None
        self._before: pylibsrtp.Session | None = None
        self._before_until = 0.0

    def update(self, keys: SrtpKeys | None, now: float) -> None:
        """What was negotiated, for the first time or anew.

        A session whose key did not change lives on: it has counted the wraps of the sequence
        numbers, which are part of the encryption (RFC 3711 section 3.3.1).
        """
        before, self._keys = self._keys, keys
        if keys is None:
            self._sender = self._receiver = self._before = None
            return
        same_suite = before is not None and before.suite is keys.suite
        if not same_suite or before.send != keys.send:
            kind = pylibsrtp.Policy.SSRC_ANY_OUTBOUND
            self._sender = _session(keys.suite, keys.send, kind)
        if not same_suite or before.receive != keys.receive:
            self._before, self._before_until = self._receiver, now + OLD_KEY_SECS
            kind = pylibsrtp.Policy.SSRC_ANY_INBOUND
            self._receiver = _session(keys.suite, keys.receive, kind)
        self.stats.suite = keys.suite.value
        self.stats.keys_changed += before is not None and before != keys

    def protect(self, packet: bytes) -> bytes:
        """An RTP packet on its way out; as it is when the call is not encrypted."""
        return packet if self._sender is None else self._sender.protect(packet)

    def protect_rtcp(self, packet: bytes) -> bytes:
        return packet if self._sender is None else self._sender.protect_rtcp(packet)

    def unprotect(self, packet: bytes, now: float) -> bytes | None:
        """The RTP packet in a datagram; None when it is not to be trusted."""
        return self._opened(pylibsrtp.Session.unprotect, packet, now)

    def unprotect_rtcp(self, packet: bytes, now: float) -> bytes | None:
        return self._opened(pylibsrtp.Session.unprotect_rtcp, packet, now)

    def _opened(
        self, open_: Callable[[pylibsrtp.Session, bytes], bytes], packet: bytes, now: float
    ) -> bytes | None:
        if self._receiver is None:
            return packet
        try:
            return open_(self._receiver, packet)
        except (pylibsrtp.Error, TypeError, ValueError):
            pass
        if self._before is not None and now < self._before_until:
            try:
                return open_(self._before, packet)
            except (pylibsrtp.Error, TypeError, ValueError):
                pass
        self.stats.rejected += 1
        return None


def _session(suite: SrtpSuite, key: SecretStr, kind: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(
        key=base64.b64decode(key.get_secret_value()),
        ssrc_type=kind,
        srtp_profile=_PROFILES[suite],
    )
    policy.window_size = REPLAY_WINDOW
    policy.allow_repeat_tx = False
    return pylibsrtp.Session(policy)
