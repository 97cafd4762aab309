"""What was said on a call, for a server that has to be told again."""

from collections import deque
from dataclasses import dataclass, replace
from typing import Literal

MAX_ITEMS = 60
MAX_CHARACTERS = 24_000
"""Of all items together; the oldest are forgotten first."""


@dataclass(frozen=True, slots=True)
class Line:
    role: Literal["caller", "agent"]
    turn: int
    text: str
    settled: bool = False
    """It was heard as it stands."""


class History:
    def __init__(self) -> None:
        self._lines: deque[Line] = deque()
        self._characters = 0

    def add(self, role: Literal["caller", "agent"], turn: int, text: str) -> None:
        text = text.strip()[:MAX_CHARACTERS]
        if not text:
            return
        self._lines.append(Line(role, turn, text))
        self._characters += len(text)
        while len(self._lines) > MAX_ITEMS or self._characters > MAX_CHARACTERS:
            self._characters -= len(self._lines.popleft().text)

    def cut(self, turn: int, part: float) -> None:
        """Of the agent's words in the reply to `turn` only this part (0 to 1) was heard."""
        lines = []
        for line in self._lines:
            if line.role == "agent" and line.turn == turn and not line.settled:
                line = Line("agent", turn, line.text[: int(len(line.text) * part)])
            if line.text:
                lines.append(line)
        self._lines = deque(lines)
        self._characters = sum(len(line.text) for line in lines)

    def settle(self, turn: int) -> None:
        """What the agent has said in the reply to `turn` was heard whole, though more follows."""
        self._lines = deque(
            replace(line, settled=True) if line.turn == turn else line for line in self._lines
        )

    def forget(self, turn: int) -> None:
        """The commit of this turn was taken back: it will be said again, with more."""
        self._lines = deque(line for line in self._lines if line.turn != turn)
        self._characters = sum(len(line.text) for line in self._lines)

    @property
    def lines(self) -> list[Line]:
        """In the order of the conversation: a transcript of the caller may come after the reply."""
        return sorted(
            self._lines, key=lambda line: (line.turn, not line.settled, line.role != "caller")
        )
