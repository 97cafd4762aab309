"""Called and caller numbers, brought to the one form in which they are compared."""

import re

MAX_LENGTH = 64
"""Characters of a number, before and after normalisation."""

# RFC 3966 section 3, visual-separator; a space is what people type.
_SEPARATORS = str.maketrans("", "", "-. ()")
_TELEPHONE = re.compile(r"\+?[0-9*#A-Da-d]*[0-9*#][0-9*#A-Da-d]*\Z")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
# Printable ASCII, without what delimits an address (RFC 3261 section 25.1).
_USER = re.compile(r"[!#$&'*+,./0-9=?A-Z_a-z~-]+\Z")


def normalize(user: str) -> str:
    """Return the user part of a SIP or tel URI in the form that routes are compared in.

    Percent escapes are decoded once; what is then a telephone number loses its visual
    separators (`-`, `.`, space, brackets); any other name stays as it is, in its case. Nothing
    but printable ASCII is a number: the digits of other scripts do not stand for ours.

    Raises ValueError, which says why, for what is empty, too long, or not such a name.
    """
    if len(user) > MAX_LENGTH:
        raise ValueError(f"a number has at most {MAX_LENGTH} characters")
    decoded = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), user)
    stripped = decoded.translate(_SEPARATORS)
    if _TELEPHONE.match(stripped):
        return stripped
    if not decoded:
        raise ValueError("the number is empty")
    if not _USER.match(decoded):
        raise ValueError("a number or name has only printable ASCII characters and no space")
    return decoded
