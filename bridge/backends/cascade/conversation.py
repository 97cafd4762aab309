"""A call on one side, three stages on the other: when each is asked, and for which turn."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass

from bridge.audio.resample import Resampler
from bridge.backends.cascade.draft import Draft, Over, Sentence
from bridge.backends.cascade.hearing import Hearing
from bridge.backends.cascade.interface import (
    FunctionCall,
    Question,
    Responder,
    SpeechToText,
    StageFailed,
    TextToSpeech,
    Tokens,
)
from bridge.backends.cascade.options import CascadeOptions
from bridge.backends.cascade.spoken import Spoken
from bridge.backends.functions import Function, Functions
from bridge.backends.history import History
from bridge.backends.tools import Action, Hangup, SendDtmf, Transfer
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
)

MAX_DRAFTS = 4
"""Answers begun in one turn before it is final; each may cost a model's time."""
MAX_FAILURES = 3
"""Replies in a row that failed, after which the call is given up."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class CascadeStats:
    """Over all calls."""

    drafts: int = 0
    """Answers begun before the commit."""
    drafts_used: int = 0
    """Of them, those that were what was asked for in the end."""


@dataclass(frozen=True, slots=True)
class Stages:
    """What the calls of an agent share."""

    name: str
    options: CascadeOptions
    ears: SpeechToText
    responder: Responder
    voice: TextToSpeech
    functions: Mapping[str, Function]
    stats: CascadeStats


class _Fixed:
    """A responder that says what was laid down beforehand."""

    def __init__(self, words: str) -> None:
        self._words = words

    async def ready(self) -> None: ...

    async def reply(self, question: Question) -> AsyncIterator[str | FunctionCall | Tokens]:
        yield self._words


class Conversation:
    def __init__(self, stages: Stages, call: AgentCall) -> None:
        options = stages.options
        self._stages = stages
        self._options = options
        self._call = call
        self._hearing = Hearing(stages.ears, options, call.info.input_rate_hz)
        self._history = History()
        by_rule = options.llm.engine == "rules"  # its actions are those of its rules
        allowed = ("hangup", "transfer", "send_dtmf") if by_rule else options.tools
        self._functions = Functions(call.info, allowed, stages.functions)
        self._parting: Action | None = None
        """What to do when the reply in which the model asked for it has been spoken."""
        self._asking: asyncio.Task[str] | None = None
        """Recognises the turn so far; its answer is begun when it is done."""
        self._draft: Draft | None = None
        """Of the open turn."""
        self._drafts = 0
        self._speaking: asyncio.Task[None] | None = None
        self._spoken: Spoken | None = None
        """The last reply, and how far it was sent."""
        self._caller_said: tuple[int, str] | None = None
        self._last_turn = 0
        self._takes_back = False
        """The last turn was spoken by the caller, so that its commit can be taken back."""
        self._continued = False
        """The open turn is one whose commit was taken back."""
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
            for task in (listening, self._asking, self._speaking):
                if task is not None:
                    task.cancel()
            if self._draft is not None:
                await self._draft.cancel()
            self._hearing.close()

    async def _listen(self) -> None:
        async for event in self._call:
            await self._take(event)

    async def _take(self, event: AgentEvent) -> None:
        match event:
            case CallerAudio():
                if self._hearing.hear(event) and self._drafts < MAX_DRAFTS:
                    self._ask()
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
                self._stop_speaking()
                self._speaking = self._start(self._answer(turn))
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
                self._cut(turn, heard_ms)
                if heard_ms == 0 and turn == self._last_turn and self._takes_back:
                    self._take_back(turn)
            case Digit(digit=digit):
                self._pressed = (self._pressed + digit)[-32:]

    # --- turns -------------------------------------------------------------------------------

    async def _begin_turn(self) -> None:
        self._stop_asking()
        await self._drop_draft()
        self._drafts = 0
        self._hearing.begin()

    def _take_back(self, turn: int) -> None:
        """The caller goes on: the same turn, with all that came since."""
        self._continued = True
        self._stop_asking()
        self._history.forget(turn)
        self._hearing.take_back()
        self._caller_said = None

    # --- answering ---------------------------------------------------------------------------

    def _ask(self) -> None:
        """A pause: recognise what was said, and begin to answer it."""
        self._stop_asking()  # more was said than it knows of
        self._asking = asyncio.create_task(self._begin_early())
        self._asking.add_done_callback(_seen)

    def _stop_asking(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    async def _begin_early(self) -> str:
        text = await self._hearing.text()
        if text and (self._draft is None or self._draft.text != self._with_keys(text)):
            await self._drop_draft()
            self._drafts += 1
            self._stages.stats.drafts += 1
            self._draft = self._drafted(text)
        return text

    async def _answer(self, turn: int) -> None:
        """The reply to a turn that is final."""
        try:
            text = await self._final_text()
        except StageFailed as failed:
            self._notice(failed)
            text = ""
        if text:
            self._call.transcript("caller", text, turn)
        draft, self._draft = self._draft, None
        if draft is not None and draft.text == self._with_keys(text):
            self._stages.stats.drafts_used += 1
        else:
            if draft is not None:
                await draft.cancel()
            if text or self._pressed:
                draft = self._drafted(text)
            else:
                draft = self._made(_Fixed(self._options.not_understood), "")
        said = self._with_keys(text)
        self._pressed = ""
        self._caller_said = (turn, said) if said else None
        await self._perform(draft, turn)

    async def _final_text(self) -> str:
        """The recognition of the pause that was the turn's end, unless more was said after it."""
        asking, self._asking = self._asking, None
        if asking is not None and not self._hearing.speaking:
            try:
                return await asking
            except StageFailed:
                pass  # it is asked once more
        elif asking is not None:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        return await self._hearing.text()

    def _with_keys(self, text: str) -> str:
        keys = (
            f"[The caller pressed the keys {self._pressed} on the phone.]" if self._pressed else ""
        )
        return " ".join(part for part in (keys, text) if part)

    def _drafted(self, text: str) -> Draft:
        return self._made(self._stages.responder, self._with_keys(text))

    def _made(self, responder: Responder, text: str) -> Draft:
        question = Question(self._call.info, self._history.lines, text)
        fallback = self._options.apology
        return Draft(question, responder, self._stages.voice, self._run, fallback)

    def _say(self, words: str, turn: int) -> None:
        draft = self._made(_Fixed(words), "")
        self._speaking = self._start(self._perform(draft, turn))

    async def _run(self, call: FunctionCall) -> tuple[str, bool]:
        self._call.tool_called(call.name, call.arguments, self._last_turn)
        outcome = await self._functions.run(call.name, call.arguments)
        if isinstance(outcome.action, SendDtmf):
            self._call.send_dtmf(outcome.action.digits)
        elif outcome.action is not None:
            self._parting = outcome.action
        return outcome.result, outcome.reply

    # --- speaking ----------------------------------------------------------------------------

    async def _perform(self, draft: Draft, turn: int) -> None:
        """Send a draft; what is left of it goes when this is cancelled."""
        spoken = self._spoken = Spoken(turn)
        if self._caller_said is not None:
            self._history.add("caller", *self._caller_said)
            self._caller_said = None
        rates = self._stages.voice.rate_hz, self._call.info.output_rate_hz
        down = Resampler(*rates)
        limit_ms = self._options.max_reply_secs * 1000
        draft.release()
        try:
            async for part in draft.parts():
                match part:
                    case Sentence(text=text):
                        spoken.say(text)
                    case Tokens():
                        self._call.used(turn, part.input, part.output, {})
                    case Over(failed=failed):
                        self._count(failed)
                    case _:
                        if spoken.milliseconds > limit_ms:
                            notice = f"a reply is longer than {limit_ms / 1000:g} s, and was cut"
                            self._call.notice("backend_reply_too_long", notice)
                            break
                        spoken.add(len(part) * 1000 / rates[0])
                        if not await self._call.send(down.push(part), turn):
                            return
        finally:
            await draft.cancel()
        if spoken.text:
            self._history.add("agent", turn, spoken.text)
            self._call.transcript("agent", spoken.text, turn)
        await self._call.end(turn)
        self._part()

    def _part(self) -> None:
        """What the model asked for at the end of its words."""
        match self._parting:
            case Hangup(reason=reason):
                self._call.hangup(reason)
            case Transfer(target=target):
                self._call.transfer(target)
        self._parting = None

    def _stop_speaking(self) -> None:
        if self._speaking is not None:
            self._speaking.cancel()
            self._speaking = None
        self._parting = None

    def _cut(self, turn: int, heard_ms: int) -> None:
        """Of the reply only so much was heard: the next answer knows no more of it."""
        spoken = self._spoken
        if spoken is None or spoken.turn != turn:
            return
        self._spoken = None
        heard = spoken.heard(heard_ms)
        if any(line.role == "agent" and line.turn == turn for line in self._history.lines):
            self._history.cut(turn, len(heard) / max(len(spoken.text), 1))
        elif heard:
            self._history.add("agent", turn, heard)
            self._call.transcript("agent", heard, turn)

    # --- what goes wrong ---------------------------------------------------------------------

    def _count(self, failed: StageFailed | None) -> None:
        self._failures = self._failures + 1 if failed else 0
        if failed is None:
            return
        self._notice(failed)
        if self._failures >= MAX_FAILURES:
            raise failed

    def _notice(self, failed: StageFailed) -> None:
        log.warning("call %s: %s: %s", self._call.info.sid, self._stages.name, failed)
        self._call.notice(failed.code, failed.message)

    async def _drop_draft(self) -> None:
        draft, self._draft = self._draft, None
        if draft is not None:
            await draft.cancel()

    def _start(self, doing: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(doing)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) and not self._failed.done():
            self._failed.set_exception(error)


def _seen(task: asyncio.Task[str]) -> None:
    """What goes wrong in a recognition that was begun early is of no interest: another follows."""
    if not task.cancelled():
        task.exception()
