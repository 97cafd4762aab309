"""A call on one side, three stages on the other: when each is asked, and for which turn."""

import asyncio
from collections.abc import AsyncIterator, Coroutine

from bridge.backends.cascade.draft import Draft
from bridge.backends.cascade.drafting import Drafting
from bridge.backends.cascade.hearing import Hearing
from bridge.backends.cascade.interface import (
    Exchange,
    FunctionCall,
    Question,
    Responder,
    StageFailed,
    Tokens,
)
from bridge.backends.cascade.performing import Performing
from bridge.backends.cascade.shared import Stages
from bridge.backends.history import History
from bridge.backends.transferring import ended, words_of
from bridge.gateway.agent import AgentCall
from bridge.gateway.events import (
    AgentEvent,
    Answered,
    CallerAudio,
    Cancelled,
    Committed,
    Digit,
    NoInput,
    Primed,
    TransferProgress,
)

MAX_FAILURES = 3
"""Replies in a row that failed, after which the call is given up."""


class _Fixed:
    """A responder that says what was laid down beforehand."""

    def __init__(self, words: str) -> None:
        self._words = words

    async def ready(self) -> None: ...

    async def reply(self, question: Question) -> AsyncIterator[str | FunctionCall | Tokens]:
        yield self._words


class Conversation:
    def __init__(self, stages: Stages, call: AgentCall) -> None:
        self._stages = stages
        self._options = stages.options
        self._call = call
        self._hearing = Hearing(stages.ears, stages.options, call.info.input_rate_hz)
        self._history = History()
        self._performing = Performing(stages, call, self._history)
        self._drafting = Drafting(self._hearing, self._answer_to, stages.stats)
        self._speaking: asyncio.Task[None] | None = None
        self._last_turn = 0
        self._takes_back = False
        """The last turn was spoken by the caller, so that its commit can be taken back."""
        self._continued = False
        """The open turn is one whose commit was taken back."""
        self._replying: Draft | None = None
        """To the last turn."""
        self._done: list[Exchange] = []
        """Functions called for the open turn before its commit was taken back."""
        self._pressed = ""
        self._failures = 0
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Until the call is over. Raises StageFailed when it cannot go on."""
        listening = asyncio.create_task(self._listen())
        try:
            await asyncio.wait({listening, self._failed}, return_when=asyncio.FIRST_COMPLETED)
            if self._failed.done():
                self._failed.result()
            listening.result()
        finally:
            self._failed.cancel()
            for task in (listening, self._speaking):
                if task is not None:
                    task.cancel()
            await self._drafting.close()
            self._hearing.close()
            self._performing.farewell.close()

    async def _listen(self) -> None:
        async for event in self._call:
            await self._take(event)

    async def _take(self, event: AgentEvent) -> None:
        performing = self._performing
        performing.farewell.take(event)
        match event:
            case CallerAudio():
                if self._hearing.hear(event):
                    self._drafting.pause()
            case Answered():
                info = self._call.info
                words = info.greeting or (self._options.greeting if info.greets_first else "")
                if words:
                    self._say(words, 0)
            case Primed():
                if not self._continued:
                    await self._begin_turn()
            case Committed(turn=turn):
                if not self._hearing.open:
                    await self._begin_turn()
                self._continued = False
                self._hearing.commit()
                self._last_turn = turn
                self._takes_back = True
                self._replying = None
                self._stop_speaking()
                self._speaking = self._start(self._answer(turn))
            case NoInput(turn=turn) if performing.farewell.transferring:
                performing.left_open = turn  # they wait for the other phone: nothing to say yet
            case NoInput(turn=turn):
                self._last_turn = turn
                self._takes_back = False
                self._stop_speaking()
                if self._options.no_input:
                    self._say(self._options.no_input, turn)
                else:
                    await self._call.end(turn)
            case Cancelled(turn=turn, heard_ms=heard_ms):
                if turn >= self._last_turn:
                    self._stop_speaking()
                self._performing.cut(turn, heard_ms)
                if heard_ms == 0 and turn == self._last_turn and self._takes_back:
                    self._take_back(turn)
            case Digit(digit=digit):
                self._pressed = (self._pressed + digit)[-32:]
                await self._drafting.drop()  # the answer is to the key as well
            case TransferProgress() if ended(event):
                open_turn, performing.left_open = performing.left_open, None
                await self._not_transferred(words_of(event), open_turn)

    # --- turns -------------------------------------------------------------------------------

    async def _begin_turn(self) -> None:
        self._done = []
        await self._drafting.begin()
        self._hearing.begin()

    def _take_back(self, turn: int) -> None:
        """The caller goes on: the same turn, with all that came since."""
        self._continued = True
        if self._replying is not None:
            was_done = self._performing.was_done
            self._done += [x for x in self._replying.exchanges if was_done(x.call)]
            self._replying = None
        self._drafting.stop_asking()
        self._history.forget(turn)
        self._hearing.take_back()

    async def _not_transferred(self, news: str, turn: int | None) -> None:
        """The phone is ours again: say so in the reply that was left open, unless the caller
        speaks; the next answer knows of it in any case."""
        if turn is None or self._hearing.open:
            self._history.add("caller", self._last_turn, news)
            await self._drafting.drop()
            if turn is not None:
                await self._call.end(turn)
            return
        self._takes_back = False
        self._history.settle(turn)
        by_rule = self._options.llm.engine == "rules"
        draft = self._fixed(self._options.transfer_failed) if by_rule else self._answer_to(news)
        self._history.add("caller", turn, news)
        self._speaking = self._start(self._perform(draft, turn))

    # --- answers -----------------------------------------------------------------------------

    async def _answer(self, turn: int) -> None:
        """The reply to a turn that is final."""
        try:
            words = await self._drafting.words()
        except StageFailed as failed:
            self._performing.notice(failed.code, failed.message)
            words = ""
        if words:
            self._call.transcript("caller", words, turn)
        draft = await self._drafting.take(words)
        said = self._with_keys(words)
        if draft is None:
            draft = self._answer_to(words) if said else self._fixed(self._options.not_understood)
        self._pressed = ""
        if said:
            self._history.add("caller", turn, said)
        await self._perform(draft, turn)

    def _answer_to(self, words: str) -> Draft:
        """Begin it: to what the caller said, and to the keys that they pressed."""
        return self._draft(self._stages.responder, self._with_keys(words))

    def _with_keys(self, words: str) -> str:
        keys = (
            f"[The caller pressed the keys {self._pressed} on the phone.]" if self._pressed else ""
        )
        return " ".join(part for part in (keys, words) if part)

    def _say(self, words: str, turn: int) -> None:
        self._speaking = self._start(self._perform(self._fixed(words), turn))

    def _fixed(self, words: str) -> Draft:
        return self._draft(_Fixed(words), "")

    def _draft(self, responder: Responder, text: str) -> Draft:
        done = tuple(self._done)
        question = Question(self._call.info, self._history.lines, text, done_before=done)
        run_function = self._performing.run_function
        return Draft(question, responder, self._stages.voice, run_function, self._options.apology)

    # --- speaking ----------------------------------------------------------------------------

    async def _perform(self, draft: Draft, turn: int) -> None:
        self._replying = draft
        failed = await self._performing.perform(draft, turn)
        self._failures = self._failures + 1 if failed else 0
        if failed is not None and self._failures >= MAX_FAILURES:
            raise failed

    def _stop_speaking(self) -> None:
        if self._speaking is not None:
            self._speaking.cancel()
            self._speaking = None
        self._performing.stop()

    def _start(self, doing: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(doing)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) and not self._failed.done():
            self._failed.set_exception(error)
