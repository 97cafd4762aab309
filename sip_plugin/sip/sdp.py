"""What a peer's session description says (RFC 8866, RFC 3264), and what of it is dangerous."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Literal

from sip_plugin.media.description import PhoneCodec, SrtpKeys
from sip_plugin.sip import sdes
from sip_plugin.sip.sdp_text import NAMES, SdpError, Section, port_of, sections_of

SrtpMode = Literal["off", "optional", "required"]

USUAL_PACKET_MS = 20
MIN_PACKET_MS, MAX_PACKET_MS = 10, 60
"""Of audio in a packet, whatever a peer asks for."""

MAX_STREAMS = 12
"""The stack takes 16, and aborts where it and we count differently."""

_PLAIN = ("RTP/AVP", "RTP/AVPF")
_SECURE = ("RTP/SAVP", "RTP/SAVPF")


@dataclass(frozen=True, slots=True)
class AudioOffer:
    """The first audio stream of a peer's description that is not declined."""

    codecs: tuple[PhoneCodec, ...]
    """Those of ours that it names, in its order; empty when it names none."""
    problem: str = ""
    """Why the stream cannot be used whatever its codecs are (a strange profile, IPv6); empty: it
    can."""
    is_secure: bool = False
    """It is SRTP (a profile of SAVP), or nothing."""
    has_keys: bool = False
    """It can be SRTP: there is an `a=crypto` that we can use."""

    def with_srtp(self, mode: SrtpMode) -> "AudioOffer":
        """The offer as a side with that mode sees it: with a problem where it does not fit."""
        problem = self.problem
        if not problem and self.is_secure and mode == "off":
            problem = 'SRTP is offered, but the trunk has srtp = "off"'
        elif not problem and self.is_secure and not self.has_keys:
            problem = "SRTP is offered without a key by a suite that we have"
        elif not problem and mode == "required" and not self.has_keys:
            problem = 'no SRTP is offered, but the trunk has srtp = "required"'
        return replace(self, problem=problem)


def read_offer(text: str, version: int = 4) -> AudioOffer:
    """What a peer's description offers as audio, to a side of that version of IP. Raises SdpError
    when it is unreadable."""
    session, *media = sections_of(text)
    for section in media:
        if not section.is_live_audio:
            continue
        profile = section.media[2].upper()
        if profile not in (*_PLAIN, *_SECURE):
            return AudioOffer((), f"profile {profile[:32]} is not RTP/AVP or RTP/SAVP")
        connection = next((at for at in (*section.lines, *session.lines) if at[:2] == "c="), "")
        if connection[2:].split()[:2] != ["IN", f"IP{version}"]:
            return AudioOffer((), f"no IPv{version} address in c=")
        named = (NAMES.get(name) for name in section.formats().values())
        return AudioOffer(
            tuple(dict.fromkeys(codec for codec in named if codec)),
            is_secure=profile in _SECURE,
            has_keys=bool(sdes.read(section.lines)),
        )
    return AudioOffer((), "no audio stream")


def srtp_keys(local: str, remote: str, remote_port: int) -> SrtpKeys | None:
    """The keys of a negotiated call, by both its descriptions; None when it is plain RTP.

    Raises SdpError when it should be SRTP and no keys are agreed, and when `remote` is not the
    description that led to the negotiated `remote_port`.
    """
    ours, theirs = _live_audio(local), _live_audio(remote)
    if port_of(theirs.media[1]) != remote_port:
        raise SdpError("the far side's description is not the one that was negotiated")
    keys = sdes.agreed(sdes.read(ours.lines), sdes.read(theirs.lines))
    if keys is None and any(at.media[2].upper() in _SECURE for at in (ours, theirs)):
        raise SdpError("SRTP without keys that both sides have")
    return keys


def _live_audio(text: str) -> Section:
    found = next((section for section in sections_of(text) if section.is_live_audio), None)
    if found is None:
        raise SdpError("no audio stream")
    return found


def packet_ms(text: str) -> int:
    """How long the packets shall be that a peer's description asks for: `a=ptime`, at most
    `a=maxptime`, 20 when it says nothing of use."""
    try:
        _, *media = sections_of(text)
        section = next(section for section in media if section.is_live_audio)
    except (SdpError, StopIteration):
        return USUAL_PACKET_MS
    asked, most = (_number_in(section, name) for name in ("a=ptime:", "a=maxptime:"))
    wanted = min(asked or USUAL_PACKET_MS, most or MAX_PACKET_MS, MAX_PACKET_MS)
    return max(wanted, MIN_PACKET_MS)


def _number_in(section: Section, attribute: str) -> int:
    """0 when there is no such line, or no number in it."""
    for line in section.lines:
        if line.lower().startswith(attribute):
            match = re.match(r"\s*([0-9]{1,4})", line[len(attribute) :])
            return int(match[1]) if match else 0
    return 0


def hazard(text: str) -> str:
    """What in a peer's description the stack must not see; empty when there is nothing.

    It aborts on an address of more than 253 characters, and looks up one that is a name, for
    which all calls would wait. Far more streams than anyone has cannot be answered by it.
    """
    try:
        sections = list(sections_of(text))
    except SdpError as error:
        return str(error)
    if len(sections) - 1 > MAX_STREAMS:
        return f"{len(sections) - 1} streams, over {MAX_STREAMS}"
    for section in sections:
        for line in section.lines:
            if line.startswith("c="):
                address = line[2:].split()[2:]
            elif line.lower().startswith("a=rtcp:"):
                address = line[7:].split()[3:]
            else:
                continue
            if address and not _is_address(address[0].partition("/")[0]):
                return f"{address[0][:32]!r} is no IP address"
    return ""


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def version_of(address: str) -> int:
    """Of IP: 4 or 6."""
    return 6 if ":" in address else 4


def choose(offer: AudioOffer, preferences: Sequence[PhoneCodec]) -> PhoneCodec | None:
    """The one codec to answer with: the first of ours that the peer has."""
    if offer.problem:
        return None
    return next((codec for codec in preferences if codec in offer.codecs), None)
