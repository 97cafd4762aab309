"""A reply in the making: words, then their sound, held until the turn is known to be over.

Nothing of a draft leaves before its release, and no function is called: a draft that is thrown
away has cost time, and nothing else.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace

from bridge.backends.cascade.interface import (
    Exchange,
    FunctionCall,
    Pcm,
    Question,
    Responder,
    StageFailed,
    TextToSpeech,
    Tokens,
)
from bridge.backends.cascade.sentences import Sentences

PIECE_MS = 200
HELD_PIECES = 50
"""Sound made ahead of what was sent (10 s): a voice may be paid for by the second."""
MAX_ROUNDS = 5
"""Answers of one reply: each function call needs another."""
MAX_CALLS = 16
MAX_WORDS = 20_000
UNFINISHED = '{"result": "not known: the caller went on speaking before it came"}'
"""Of a function that was being called when the commit was taken back."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sentence:
    """The sound that follows says this."""

    text: str


@dataclass(frozen=True, slots=True)
class Over:
    """The last part. `failed`: why it is not the whole reply."""

    failed: StageFailed | None = None


Part = Sentence | Tokens | Over | Pcm
RunFunction = Callable[[FunctionCall], Awaitable[tuple[str, bool]]]
"""Returns the result, and whether the model should speak about it."""


class Draft:
    def __init__(
        self,
        question: Question,
        responder: Responder,
        voice: TextToSpeech,
        run_function: RunFunction,
        fallback: str = "",
    ) -> None:
        """`fallback` is said when the responder fails before its first word."""
        self.text = question.text
        self._question = question
        self._responder = responder
        self._voice = voice
        self._run_function = run_function
        self._fallback = fallback
        self._parts: asyncio.Queue[Part] = asyncio.Queue(HELD_PIECES)
        self._released = asyncio.Event()
        self._words = 0
        self.exchanges: list[Exchange] = []
        """Functions that were called."""
        self._task = asyncio.create_task(self._make())

    def release(self) -> None:
        """The turn is over, and this is its reply."""
        self._released.set()

    async def cancel(self) -> None:
        """Nobody wants it."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def parts(self) -> AsyncIterator[Part]:
        """What is said, once it was released; the last is Over."""
        await self._released.wait()
        while True:
            part = await self._parts.get()
            yield part
            if isinstance(part, Over):
                return

    async def _make(self) -> None:
        failed = await self._tried(self._answer())
        if failed and self._fallback and not self._words:
            failed = await self._tried(self._say([self._fallback])) or failed
        await self._parts.put(Over(failed))

    async def _tried(self, part: Coroutine[None, None, None]) -> StageFailed | None:
        """Why it failed, if it did: whoever waits for the reply must learn of it."""
        try:
            await part
        except StageFailed as failed:
            return failed
        except Exception:
            log.exception("call %s: a stage of the cascade", self._question.info.sid)
            return StageFailed("backend_error", "a stage failed")
        return None

    async def _answer(self) -> None:
        for _ in range(MAX_ROUNDS):
            calls = await self._speak_answer()
            if not calls:
                return
            await self._released.wait()
            goes_on = False
            for call in calls:
                self.exchanges.append(Exchange(call, UNFINISHED))
                result, wanted = await self._run_function(call)
                self.exchanges[-1] = Exchange(call, result)
                goes_on |= wanted
            if not goes_on:
                return
        raise StageFailed("backend_error", f"over {MAX_ROUNDS} rounds of function calls")

    async def _speak_answer(self) -> list[FunctionCall]:
        calls: list[FunctionCall] = []
        sentences = Sentences()
        question = replace(self._question, exchanges=tuple(self.exchanges))
        async for part in self._responder.reply(question):
            match part:
                case str():
                    self._words += len(part)
                    if self._words > MAX_WORDS:
                        raise StageFailed("backend_reply_too_long", f"over {MAX_WORDS} characters")
                    await self._say(sentences.push(part))
                case FunctionCall():
                    if len(calls) >= MAX_CALLS:
                        raise StageFailed("backend_protocol", "too many function calls at once")
                    calls.append(part)
                case Tokens():
                    await self._parts.put(part)
        await self._say(sentences.flush())
        return calls

    async def _say(self, sentences: list[str]) -> None:
        size = self._voice.rate_hz * PIECE_MS // 1000
        for sentence in sentences:
            await self._parts.put(Sentence(sentence))
            async for pcm in self._voice.speak(sentence):
                for start in range(0, len(pcm), size):
                    await self._parts.put(pcm[start : start + size])
