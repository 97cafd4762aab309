"""Words that come in pieces, cut into what can be spoken: a voice needs a whole sentence."""

import re

LONGEST = 300
"""Characters after which a sentence is cut at a space, or anywhere."""
_END = re.compile(r"[.!?…:;]+[\"')\]]*(?=\s)|\n+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


class Sentences:
    """`push` words as they come, `flush` at the end; both return sentences that are complete."""

    def __init__(self) -> None:
        self._rest = ""

    def push(self, words: str) -> list[str]:
        self._rest += words
        made = []
        while (cut := self._cut()) is not None:
            made.append(self._rest[:cut])
            self._rest = self._rest[cut:]
        return _clean(made)

    def flush(self) -> list[str]:
        rest, self._rest = self._rest, ""
        return _clean([rest])

    def _cut(self) -> int | None:
        end = _END.search(self._rest)
        if end is not None and end.end() <= LONGEST:
            return end.end()
        if len(self._rest) <= LONGEST:
            return None
        space = self._rest.rfind(" ", 1, LONGEST)
        return space if space > 0 else LONGEST


def _clean(sentences: list[str]) -> list[str]:
    plain = (_CONTROL.sub(" ", sentence).strip() for sentence in sentences)
    return [sentence for sentence in plain if any(c.isalnum() for c in sentence)]
