"""Called and caller numbers, brought to the one form in which they are compared."""

import re

MAX_LENGTH = 64
"""Characters of a normalised number."""

MAX_RAW_LENGTH = 256
"""Characters of a number as it came, with escapes, separators and parameters."""

_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
# RFC 3966 section 3, visual-separator; a space is what people type.
_SEPARATORS = str.maketrans("", "", "-. ()")
_TELEPHONE = re.compile(r"\+?[0-9*#]+")
# What a URI's user may hold (RFC 3261 section 25.1), without what ends or nests an address.
_NAME = re.compile(r"[!#$&'*+,./0-9=?A-Z_a-z~-]+")


def normalize(user: str) -> str:
    """Return the user part of a SIP or tel URI in the form that routes are compared in.

    Percent escapes are decoded once. A telephone number then loses its visual separators
    (`-`, `.`, space, brackets) and its parameters (from `;`); any other name stays as it is, in
    its case. Only ASCII makes a number: the digits of other scripts do not stand for ours.

    Raises ValueError, which says what is wrong but does not repeat it, for what is empty, too
    long, or neither a number nor a name.
    """
    if len(user) > MAX_RAW_LENGTH:
        raise ValueError(f"longer than {MAX_RAW_LENGTH} characters")
    decoded = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), user)
    if not decoded:
        raise ValueError("empty")
    digits = decoded.partition(";")[0].translate(_SEPARATORS)
    number = digits if _TELEPHONE.fullmatch(digits) else decoded
    if len(number) > MAX_LENGTH:
        raise ValueError(f"longer than {MAX_LENGTH} characters")
    if not _NAME.fullmatch(number):
        raise ValueError("neither a telephone number nor a plain ASCII name")
    return number
