"""What a cascade needs of its stages. Each is one object for all calls; none may block the loop."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from bridge.backends.history import Line
from bridge.gateway.agent import CallInfo

Pcm = npt.NDArray[np.int16]
"""int16 `[n]`, mono."""


class StageFailed(Exception):
    """A stage cannot do its part now. `code` is a name of docs/gateway.md."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Recognition(Protocol):
    """One turn of one caller."""

    def hear(self, pcm: Pcm) -> None:
        """The next of its audio, at the stage's rate. Returns at once."""

    async def text(self) -> str:
        """What was said so far, empty if it is not known. May be asked for more than once, while
        the turn goes on. Raises StageFailed."""

    def close(self) -> None:
        """Nobody asks any more."""


class SpeechToText(Protocol):
    rate_hz: int
    """Of the audio that it takes: 8000, 16000, 24000 or 48000."""

    async def ready(self) -> None:
        """Raises StageFailed if a call should not be answered now."""

    def recognition(self) -> Recognition: ...


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """The responder calls a function; `arguments` is JSON."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """What an answer cost."""

    input: int
    output: int


@dataclass(frozen=True, slots=True)
class Exchange:
    """A function call of this reply, and its result."""

    call: FunctionCall
    result: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be answered."""

    info: CallInfo
    history: Sequence[Line]
    """What was said before, as far as the caller heard it."""
    text: str
    """What the caller says now."""
    exchanges: Sequence[Exchange] = ()
    """Functions that were called for it."""
    done_before: Sequence[Exchange] = ()
    """Those that were called for its beginning, when the caller seemed to have ended there: they
    are not to be called again."""


class Responder(Protocol):
    async def ready(self) -> None:
        """Raises StageFailed if a call should not be answered now."""

    def reply(self, question: Question) -> AsyncIterator[str | FunctionCall | Tokens]:
        """Words as they come, pieces of any length. After function calls it is asked again, with
        their results. Closed early when the caller goes on. Raises StageFailed."""


class TextToSpeech(Protocol):
    rate_hz: int
    """Of the audio that it gives: 8000, 16000, 24000 or 48000."""

    async def ready(self) -> None:
        """Raises StageFailed if a call should not be answered now."""

    def speak(self, text: str) -> AsyncIterator[Pcm]:
        """The sound of a sentence, pieces of any length. Closed early when the caller interrupts.
        Raises StageFailed."""
