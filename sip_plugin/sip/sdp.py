"""Session descriptions as text: what a peer offers, and our own with a media port put into it.

The SIP stack negotiates; it knows nothing of our sockets. So its SDP is rewritten before it
leaves: the port and address of a leased socket, our codecs and nothing else (RFC 8866, RFC 3264).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Literal

from sip_plugin.media.description import PhoneCodec, SrtpKeys
from sip_plugin.sip import sdes

SrtpMode = Literal["off", "optional", "required"]

MAX_BYTES = 16 * 1024
MAX_LINES = 400

USUAL_PACKET_MS = 20
MIN_PACKET_MS, MAX_PACKET_MS = 10, 60
"""Of audio in a packet, whatever a peer asks for."""

MAX_STREAMS = 12
"""The stack takes 16, and aborts where it and we count differently."""

_NAMES = {
    "PCMU/8000": PhoneCodec.ULAW,
    "PCMA/8000": PhoneCodec.ALAW,
    "G722/8000": PhoneCodec.G722,
}
_STATIC = {codec.payload_type: codec for codec in PhoneCodec}
_EVENTS = "TELEPHONE-EVENT/8000"
_DROPPED = ("a=rtcp:", "a=ssrc:", "a=rtcp-mux", "a=candidate:", "a=ice-")
_PLAIN = ("RTP/AVP", "RTP/AVPF")
_SECURE = ("RTP/SAVP", "RTP/SAVPF")
_PER_FORMAT = ("a=rtpmap:", "a=fmtp:", "a=rtcp-fb:")

DEAD_SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 0 RTP/AVP 0\r\n"
)
"""What stands in when nothing sound can be said: a declined stream, which ends in 488.

It has a `c=`, as every description must: without one the stack aborts the process.
"""


class SdpError(ValueError):
    """This description cannot be read, or nothing sound can be made of it."""


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


@dataclass(frozen=True, slots=True)
class _Section:
    """One media section, or the session level (no `m=` line)."""

    lines: tuple[str, ...]

    @property
    def media(self) -> list[str]:
        head = self.lines[0] if self.lines else ""
        return head[2:].split() if head.startswith("m=") else []

    @property
    def is_live_audio(self) -> bool:
        words = self.media
        return bool(words) and words[0].lower() == "audio" and _port(words[1]) != 0

    def formats(self) -> dict[int, str]:
        """Payload type to `NAME/RATE` in capitals, in the order of the m= line."""
        names: dict[int, str] = {}
        for line in self.lines:
            if line.lower().startswith("a=rtpmap:"):
                number, _, name = line[9:].strip().partition(" ")
                if _is_number(number) and len(number) <= 3:
                    names[int(number)] = "/".join(name.strip().upper().split("/")[:2])
        found: dict[int, str] = {}
        for word in self.media[3:]:
            if _is_number(word) and len(word) <= 3:
                number = int(word)
                static = _STATIC.get(number)
                default = next((n for n, codec in _NAMES.items() if codec is static), "")
                found[number] = names.get(number, default)
        return found


def _is_number(word: str) -> bool:
    """Of the digits 0 to 9: there are others, which `int` does not read."""
    return word.isascii() and word.isdigit()


def _port(word: str) -> int:
    head = word.partition("/")[0]
    if not (_is_number(head) and len(head) <= 5 and int(head) <= 65535):
        raise SdpError(f"port {word[:16]!r} is not a number from 0 to 65535")
    return int(head)


def _sections(text: str) -> Iterator[_Section]:
    if not text.strip():
        raise SdpError("empty")
    if len(text) > MAX_BYTES:
        raise SdpError(f"{len(text)} characters, over {MAX_BYTES}")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n").split("\n")
    if len(lines) > MAX_LINES:
        raise SdpError(f"{len(lines)} lines, over {MAX_LINES}")
    start = 0
    for index, line in enumerate(lines):
        if line.startswith("m="):
            if len(line[2:].split()) < 4:
                raise SdpError(f"{line[:32]!r} is no media line")
            yield _Section(tuple(lines[start:index]))
            start = index
    yield _Section(tuple(lines[start:]))


def read_offer(text: str, version: int = 4) -> AudioOffer:
    """What a peer's description offers as audio, to a side of that version of IP. Raises SdpError
    when it is unreadable."""
    session, *media = _sections(text)
    for section in media:
        if not section.is_live_audio:
            continue
        profile = section.media[2].upper()
        if profile not in (*_PLAIN, *_SECURE):
            return AudioOffer((), f"profile {profile[:32]} is not RTP/AVP or RTP/SAVP")
        connection = next((at for at in (*section.lines, *session.lines) if at[:2] == "c="), "")
        if connection[2:].split()[:2] != ["IN", f"IP{version}"]:
            return AudioOffer((), f"no IPv{version} address in c=")
        named = (_NAMES.get(name) for name in section.formats().values())
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
    if _port(theirs.media[1]) != remote_port:
        raise SdpError("the far side's description is not the one that was negotiated")
    keys = sdes.agreed(sdes.read(ours.lines), sdes.read(theirs.lines))
    if keys is None and any(at.media[2].upper() in _SECURE for at in (ours, theirs)):
        raise SdpError("SRTP without keys that both sides have")
    return keys


def _live_audio(text: str) -> _Section:
    found = next((section for section in _sections(text) if section.is_live_audio), None)
    if found is None:
        raise SdpError("no audio stream")
    return found


def packet_ms(text: str) -> int:
    """How long the packets shall be that a peer's description asks for: `a=ptime`, at most
    `a=maxptime`, 20 when it says nothing of use."""
    try:
        _, *media = _sections(text)
        section = next(section for section in media if section.is_live_audio)
    except (SdpError, StopIteration):
        return USUAL_PACKET_MS
    asked, most = (_number_in(section, name) for name in ("a=ptime:", "a=maxptime:"))
    wanted = min(asked or USUAL_PACKET_MS, most or MAX_PACKET_MS, MAX_PACKET_MS)
    return max(wanted, MIN_PACKET_MS)


def _number_in(section: _Section, attribute: str) -> int:
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
        sections = list(_sections(text))
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


def rewrite_local(text: str, address: str, port: int, codecs: Sequence[PhoneCodec]) -> str:
    """The stack's own description with our address, port and codecs, the best first.

    A stream that the stack declined (port 0) stays declined: giving it a port crashes the
    stack. Further audio streams are declined. Raises SdpError when there is no stream to
    rewrite or no codec is left, and when the text is empty: the binding loses one above some
    1020 bytes.
    """
    session, *media = _sections(text)
    lines = [_addressed(line, address) for line in session.lines]
    done = False
    for section in media:
        if section.is_live_audio and not done:
            lines += _rewrite_audio(section, address, port, codecs)
            done = True
        else:
            lines += _decline(section)
    if not done:
        raise SdpError("no audio stream to put a port into")
    return "\r\n".join(lines) + "\r\n"


def _addressed(line: str, address: str) -> str:
    family = f"IP{version_of(address)}"
    if line.startswith("c="):
        return f"c=IN {family} {address}"
    if line.startswith("o="):
        return " ".join([*line.split()[:3], "IN", family, address])
    return line


def _rewrite_audio(
    section: _Section, address: str, port: int, codecs: Sequence[PhoneCodec]
) -> list[str]:
    formats = section.formats()
    voice = [
        number for codec in codecs for number, name in formats.items() if _NAMES.get(name) is codec
    ]
    if not voice:
        raise SdpError("none of the call's codecs is in the stack's description")
    kept = voice + [number for number, name in formats.items() if name == _EVENTS]
    lines = [f"m=audio {port} {section.media[2]} {' '.join(map(str, kept))}"]
    for line in section.lines[1:]:
        if line.startswith(_DROPPED):
            continue
        if line.startswith(_PER_FORMAT):
            number = line.partition(":")[2].split(" ", 1)[0]
            if not _is_number(number) or int(number) not in kept:
                continue
        lines.append(_addressed(line, address))
    return lines


def _decline(section: _Section) -> list[str]:
    """The stream with port 0; its other lines stay, since a description needs them to be valid."""
    words = section.media
    head = f"m={words[0]} 0 {' '.join(words[2:])}"
    return [head, *(line for line in section.lines[1:] if not line.startswith(_DROPPED))]


def declined(created: str, remote: str) -> str:
    """A description with every stream declined, which gives 488.

    Made of the stack's own one, else of the peer's, whose number of streams it must have:
    the stack aborts when they differ. DEAD_SDP when neither can be read.
    """
    for text in (created, remote):
        try:
            session, *media = _sections(text)
            if not media:
                continue
            if text is remote:
                heads = [_declined_head(section) for section in media]
                return DEAD_SDP.partition("m=")[0] + "".join(f"{head}\r\n" for head in heads)
            lines = [*session.lines, *(line for section in media for line in _decline(section))]
            return "\r\n".join(lines) + "\r\n"
        except SdpError:
            continue
    return DEAD_SDP


def _declined_head(section: _Section) -> str:
    """Without the stream's attributes, which a dynamic format would need: formats are replaced."""
    kind, _, profile = section.media[:3]
    return f"m={kind} 0 {profile} {'0' if profile.upper().startswith('RTP/') else section.media[3]}"
