"""What the far side asks for with REFER and Replaces: header texts, read strictly.

RFC 3515 (Refer-To), RFC 3891 (Replaces, also inside a Refer-To), RFC 3892 (Referred-By), RFC 4488
(Refer-Sub).
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from sip_plugin.sip.message import MAX_URI, Message, printable

MAX_REPLACES = 512

_TOKEN = r"[A-Za-z0-9.!%*_+`'~-]{1,128}"
# RFC 3261 section 25.1: a Call-ID is one or two words.
_WORD = r"[A-Za-z0-9.!%*_+`'~()<>:\\\"/\[\]?{}-]{1,256}"
_CALL_ID = re.compile(rf"{_WORD}(?:@{_WORD})?")
_PARAMETER = re.compile(rf"({_TOKEN})(?:=({_TOKEN}))?")
_URI = re.compile(
    r"(sips?):([^@;?<>\s]{1,256})@([A-Za-z0-9.:\[\]-]{1,256})([;?].*)?", re.IGNORECASE
)
_TEL = re.compile(r"tel:([^;?<>\s]{1,128})([;?].*)?", re.IGNORECASE)


class Malformed(ValueError):
    """The request gets 400."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """The dialog that is to be replaced, its tags as we see them."""

    call_id: str
    local_tag: str
    remote_tag: str
    early_only: bool = False


@dataclass(frozen=True, slots=True)
class ReferTo:
    """Whom the far side wants called."""

    user: str
    """A number or a name, as it was written."""
    address: str
    """`sip:USER@HOST[:PORT]` without what else it had; empty for a tel URI."""
    replaces: str = ""
    """For the INVITE that is asked for."""


def refer_to(message: Message) -> ReferTo:
    """Raises Malformed: no address, or not just one, or one with more than we do."""
    text = _single(message, "refer-to")
    if not text or len(text) > MAX_URI + MAX_REPLACES:
        raise Malformed("no Refer-To")
    bracketed = re.fullmatch(r"[^<>]*<([^<>]*)>[^<>]*", text)
    uri = bracketed[1].strip() if bracketed else text.partition(";")[0].strip()
    if found := _TEL.fullmatch(uri):
        return ReferTo(unquote(found[1]), "")
    if not (found := _URI.fullmatch(uri)):
        raise Malformed("Refer-To has no SIP address")
    scheme, user, host, rest = found.groups()
    parameters, _, headers = (rest or "").partition("?")
    if re.search(r"(?i);method=(?!invite\b)", parameters):
        raise Malformed("Refer-To asks for another request than INVITE")
    return ReferTo(unquote(user), f"{scheme.lower()}:{user}@{host}", _replaces_in(headers))


def _replaces_in(headers: str) -> str:
    """Of the headers that a URI asks for only this one: the others could be anything."""
    found = [
        unquote(text)
        for name, _, text in (part.partition("=") for part in headers.split("&"))
        if name.lower() == "replaces"
    ]
    if not found:
        return ""
    read_replaces(found[0])
    return found[0]


def replaces(message: Message) -> Replaced | None:
    """None: the INVITE asks for nothing of the kind. Raises Malformed."""
    text = _single(message, "replaces")
    return None if text is None else read_replaces(text)


def read_replaces(text: str) -> Replaced:
    """Raises Malformed."""
    call_id, *parts = text.strip().split(";")
    if len(text) > MAX_REPLACES or not _CALL_ID.fullmatch(call_id := call_id.strip()):
        raise Malformed("Replaces has no Call-ID")
    values: dict[str, str] = {}
    for part in parts:
        found = _PARAMETER.fullmatch(part.strip())
        if not found or found[1].lower() in values:
            raise Malformed("Replaces has a parameter that is none, or one twice")
        values[found[1].lower()] = found[2] or ""
    if not values.get("to-tag") or not values.get("from-tag"):
        raise Malformed("Replaces has no to-tag or no from-tag")
    return Replaced(call_id, values["to-tag"], values["from-tag"], "early-only" in values)


def referred_by(message: Message) -> str:
    """The header, for the INVITE that is asked for; empty when there is none of use."""
    text = message.headers.get("referred-by", "")
    return text if text == printable(text) and len(text) <= MAX_URI else ""


def wants_no_reports(message: Message) -> bool:
    """No NOTIFYs shall tell what becomes of the REFER (RFC 4488)."""
    asked = message.headers.get("refer-sub", "").partition(";")[0]
    return asked.strip().lower() == "false"


def _single(message: Message, name: str) -> str | None:
    if message.times.get(name, 0) > 1:
        raise Malformed(f"{name} is there twice")
    return message.headers.get(name)
