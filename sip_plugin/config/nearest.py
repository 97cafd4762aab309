"""The word that was probably meant."""

import difflib
from collections.abc import Iterable

MAX_WORD = 64
"""The comparison is quadratic, and nobody mistypes a word this long."""


def nearest(word: str, valid: Iterable[str]) -> str | None:
    """Return the valid word most like `word`, or None when none is like it."""
    if len(word) > MAX_WORD:
        return None
    folded = {name.casefold(): name for name in valid}
    close = difflib.get_close_matches(word.casefold(), folded, n=1)
    return folded[close[0]] if close else None


def did_you_mean(word: str, valid: Iterable[str]) -> str:
    """Return ` (did you mean "…"?)`, or nothing."""
    meant = nearest(word, valid)
    return f' (did you mean "{meant}"?)' if meant else ""
