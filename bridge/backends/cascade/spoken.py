"""What was said of a reply, by position, so that an interruption leaves what was heard of it."""

from bisect import bisect_left


class Spoken:
    """`say` a sentence before its audio, `add` the audio."""

    def __init__(self, turn: int, before_ms: float = 0.0) -> None:
        """`before_ms` of the reply were said already, and heard."""
        self.turn = turn
        self.before_ms = before_ms
        self.milliseconds = 0.0
        self._sentences: list[str] = []
        self._ends: list[float] = []

    def say(self, sentence: str) -> None:
        self._sentences.append(sentence)
        self._ends.append(self.milliseconds)

    def add(self, milliseconds: float) -> None:
        self.milliseconds += milliseconds
        if self._ends:
            self._ends[-1] = self.milliseconds

    @property
    def text(self) -> str:
        return " ".join(self._sentences)

    def heard(self, milliseconds: float) -> str:
        """The words up to a position; of the sentence at it the part, to its last whole word."""
        milliseconds = max(milliseconds - self.before_ms, 0.0)
        index = bisect_left(self._ends, milliseconds)
        if index >= len(self._ends):
            return self.text
        begin = self._ends[index - 1] if index else 0.0
        length = self._ends[index] - begin
        part = (milliseconds - begin) / length if length > 0 else 0.0
        sentence = self._sentences[index]
        cut = sentence[: int(len(sentence) * max(part, 0.0))]
        if len(cut) < len(sentence):
            cut = cut[: cut.rfind(" ") + 1]
        return " ".join([*self._sentences[:index], cut.strip()]).strip()
