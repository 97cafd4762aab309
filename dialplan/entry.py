"""Entries of lists of numbers and addresses, as the configuration has them."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from dialplan import pattern
from dialplan.number import normalize

_URI = re.compile(r"(?:sips?|tel):[^\s\x00-\x1f\x7f<>\"\\]{1,200}")


def number_or_pattern(text: str) -> str:
    """An entry of a list: `_` begins a pattern, else it is a number, which is normalised."""
    if text.startswith("_"):
        pattern.parse(text)
        return text
    return normalize(text)


def _refer_entry(text: str) -> str:
    if text.startswith(("sip:", "sips:")):
        if not is_uri(text) or ";" in text or "?" in text or not number_of_uri(text):
            raise ValueError("an address is sip:USER@HOST or sip:USER@HOST:PORT")
        return text
    return number_or_pattern(text)


def is_uri(target: str) -> bool:
    return _URI.fullmatch(target) is not None


def number_of_uri(uri: str) -> str:
    """Whom a SIP or tel URI calls, as outbound rules look at it; empty: a host alone."""
    scheme, _, rest = uri.partition(":")
    if scheme == "tel":
        return rest.partition(";")[0]
    user, at, _ = rest.partition("@")
    return user.partition(":")[0].partition(";")[0] if at else ""


Entry = Annotated[str, Field(max_length=128), AfterValidator(number_or_pattern)]
ReferEntry = Annotated[str, Field(max_length=256), AfterValidator(_refer_entry)]
