"""A session description (RFC 8866) cut into its sections, with the bounds that all of ours have."""

from collections.abc import Iterator
from dataclasses import dataclass

from sip_plugin.media.description import PhoneCodec

MAX_BYTES = 16 * 1024
MAX_LINES = 400

NAMES = {
    "PCMU/8000": PhoneCodec.ULAW,
    "PCMA/8000": PhoneCodec.ALAW,
    "G722/8000": PhoneCodec.G722,
}
_STATIC = {codec.payload_type: codec for codec in PhoneCodec}


class SdpError(ValueError):
    """This description cannot be read, or nothing sound can be made of it."""


@dataclass(frozen=True, slots=True)
class Section:
    """One media section, or the session level (no `m=` line)."""

    lines: tuple[str, ...]

    @property
    def media(self) -> list[str]:
        head = self.lines[0] if self.lines else ""
        return head[2:].split() if head.startswith("m=") else []

    @property
    def is_live_audio(self) -> bool:
        words = self.media
        return bool(words) and words[0].lower() == "audio" and port_of(words[1]) != 0

    def formats(self) -> dict[int, str]:
        """Payload type to `NAME/RATE` in capitals, in the order of the m= line."""
        names: dict[int, str] = {}
        for line in self.lines:
            if line.lower().startswith("a=rtpmap:"):
                number, _, name = line[9:].strip().partition(" ")
                if is_number(number) and len(number) <= 3:
                    names[int(number)] = "/".join(name.strip().upper().split("/")[:2])
        found: dict[int, str] = {}
        for word in self.media[3:]:
            if is_number(word) and len(word) <= 3:
                number = int(word)
                static = _STATIC.get(number)
                default = next((n for n, codec in NAMES.items() if codec is static), "")
                found[number] = names.get(number, default)
        return found


def is_number(word: str) -> bool:
    """Of the digits 0 to 9: there are others, which `int` does not read."""
    return word.isascii() and word.isdigit()


def port_of(word: str) -> int:
    head = word.partition("/")[0]
    if not (is_number(head) and len(head) <= 5 and int(head) <= 65535):
        raise SdpError(f"port {word[:16]!r} is not a number from 0 to 65535")
    return int(head)


def sections_of(text: str) -> Iterator[Section]:
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
            yield Section(tuple(lines[start:index]))
            start = index
    yield Section(tuple(lines[start:]))
