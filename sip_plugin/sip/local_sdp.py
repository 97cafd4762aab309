"""Our own session descriptions: those of the SIP stack, with a media port put into them.

The stack negotiates; it knows nothing of our sockets. So its SDP is rewritten before it leaves: the
port and address of a leased socket, our codecs and nothing else (RFC 3264).
"""

from collections.abc import Sequence

from sip_plugin.media.description import PhoneCodec
from sip_plugin.sip.sdp import version_of
from sip_plugin.sip.sdp_text import NAMES, SdpError, Section, is_number, sections_of

_EVENTS = "TELEPHONE-EVENT/8000"
_DROPPED = ("a=rtcp:", "a=ssrc:", "a=rtcp-mux", "a=candidate:", "a=ice-")
_PER_FORMAT = ("a=rtpmap:", "a=fmtp:", "a=rtcp-fb:")

DEAD_SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 0 RTP/AVP 0\r\n"
)
"""What stands in when nothing sound can be said: a declined stream, which ends in 488.

It has a `c=`, as every description must: without one the stack aborts the process.
"""


def rewrite_local(text: str, address: str, port: int, codecs: Sequence[PhoneCodec]) -> str:
    """The stack's own description with our address, port and codecs, the best first.

    A stream that the stack declined (port 0) stays declined: giving it a port crashes the
    stack. Further audio streams are declined. Raises SdpError when there is no stream to
    rewrite or no codec is left, and when the text is empty: the binding loses one above some
    1020 bytes.
    """
    session, *media = sections_of(text)
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
    section: Section, address: str, port: int, codecs: Sequence[PhoneCodec]
) -> list[str]:
    formats = section.formats()
    voice = [
        number for codec in codecs for number, name in formats.items() if NAMES.get(name) is codec
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
            if not is_number(number) or int(number) not in kept:
                continue
        lines.append(_addressed(line, address))
    return lines


def _decline(section: Section) -> list[str]:
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
            session, *media = sections_of(text)
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


def _declined_head(section: Section) -> str:
    """Without the stream's attributes, which a dynamic format would need: formats are replaced."""
    kind, _, profile = section.media[:3]
    return f"m={kind} 0 {profile} {'0' if profile.upper().startswith('RTP/') else section.media[3]}"
