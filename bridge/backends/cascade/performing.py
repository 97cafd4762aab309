"""A draft on its way to the phone: what was said of it, what was heard, and what follows it."""

import logging

import numpy as np

from bridge.audio.resample import Resampler
from bridge.backends.cascade.draft import Draft, Over, Sentence
from bridge.backends.cascade.interface import FunctionCall, StageFailed, Tokens
from bridge.backends.cascade.shared import Stages
from bridge.backends.cascade.spoken import Spoken
from bridge.backends.farewell import Farewell
from bridge.backends.fields import plain
from bridge.backends.functions import Functions
from bridge.backends.history import History
from bridge.backends.tools import Action, SendDtmf, Transfer
from bridge.backends.transferring import TAIL_MS
from bridge.gateway.agent import AgentCall

log = logging.getLogger(__name__)


class Performing:
    """The replies of a call, one after the other. Cancel `perform` to stop."""

    def __init__(self, stages: Stages, call: AgentCall, history: History) -> None:
        self._stages = stages
        self._call = call
        self._history = history
        by_rule = stages.options.llm.engine == "rules"  # its actions are those of its rules
        allowed = ("hangup", "transfer", "send_dtmf") if by_rule else stages.options.tools
        self._functions = Functions(call.info, allowed, stages.functions)
        self.farewell = Farewell(call)
        self._turn = 0
        self._spoken: Spoken | None = None
        """The last reply, and how far it was sent."""
        self.left_open: int | None = None
        """The turn whose reply may go on when the transfer has failed."""
        self._parting: Action | None = None
        """What to do when the reply in which the model asked for it has been spoken."""
        self._postponed: list[FunctionCall] = []
        """The calls of the reply that asked for something of the kind."""

    async def run_function(self, call: FunctionCall) -> tuple[str, bool]:
        """The result, and whether the model should speak about it."""
        self._call.tool_called(plain(call.name), plain(call.arguments), self._turn)
        outcome = await self._functions.run(call.name, call.arguments)
        if isinstance(outcome.action, SendDtmf):
            self._call.send_dtmf(outcome.action.digits)
        elif outcome.action is not None:
            self._parting = outcome.action
            self._postponed.append(call)
        return outcome.result, outcome.reply

    def was_done(self, call: FunctionCall) -> bool:
        """Of the last reply, when it was taken back: a hangup goes with the words before it."""
        return self.farewell.transferring or all(call is not other for other in self._postponed)

    async def perform(self, draft: Draft, turn: int) -> StageFailed | None:
        """Send it; what is left of it goes when this is cancelled. Returns why it is not whole."""
        self._turn = turn
        self._postponed = []
        last = self._spoken
        goes_on = last is not None and last.turn == turn
        before_ms = last.before_ms + last.milliseconds if last is not None and goes_on else 0.0
        spoken = self._spoken = Spoken(turn, before_ms)
        failed: StageFailed | None = None
        rate_hz = self._stages.voice.rate_hz
        down = Resampler(rate_hz, self._call.info.output_rate_hz)
        limit_ms = self._stages.options.max_reply_secs * 1000
        draft.release()
        try:
            async for part in draft.parts():
                match part:
                    case Sentence(text=text):
                        spoken.say(text)
                    case Tokens():
                        self._call.used(turn, part.input, part.output, {})
                    case Over():
                        failed = part.failed
                    case _ if spoken.milliseconds > limit_ms:
                        notice = f"a reply is longer than {limit_ms / 1000:g} s, and was cut"
                        self.notice("backend_reply_too_long", notice)
                        break
                    case _:
                        spoken.add(len(part) * 1000 / rate_hz)
                        if not await self._call.send(down.push(part), turn):
                            return None
        finally:
            await draft.cancel()
        if failed is not None:
            self.notice(failed.code, failed.message)
        await self._end(spoken)
        return failed

    def stop(self) -> None:
        """What the model asked for at the end of its words is not done."""
        self._parting = self.left_open = None

    def cut(self, turn: int, heard_ms: int) -> None:
        """Of the reply only so much was heard: the next answer knows no more of it."""
        spoken = self._spoken
        if spoken is None or spoken.turn != turn:
            return
        self._spoken = None
        heard = spoken.heard(heard_ms)
        lines = self._history.lines
        if any((x.role, x.turn, x.settled) == ("agent", turn, False) for x in lines):
            self._history.cut(turn, len(heard) / max(len(spoken.text), 1))
        elif heard:
            self._history.add("agent", turn, heard)
            self._call.transcript("agent", plain(heard), turn)

    def notice(self, code: str, message: str) -> None:
        """Something went wrong, and the call goes on."""
        stages = self._stages
        log.warning("call %s: %s: %s: %s", self._call.info.sid, stages.name, code, message)
        stages.stats.notices[code] += 1
        self._call.notice(code, plain(message))

    async def _end(self, spoken: Spoken) -> None:
        if spoken.text:
            self._history.add("agent", spoken.turn, spoken.text)
            self._call.transcript("agent", plain(spoken.text), spoken.turn)
        self._stages.stats.replies += 1
        parting, self._parting = self._parting, None
        if not isinstance(parting, Transfer):
            await self._call.end(spoken.turn)
        if parting is not None:
            self.farewell.part(spoken.turn, spoken.before_ms + spoken.milliseconds, parting)
        if isinstance(parting, Transfer):
            self.left_open = spoken.turn
            await self._pause(spoken)

    async def _pause(self, spoken: Spoken) -> None:
        """Quiet between the words and what comes of the transfer."""
        if spoken.milliseconds:
            samples = TAIL_MS * self._call.info.output_rate_hz // 1000
            await self._call.send(np.zeros(samples, np.int16), spoken.turn)
            spoken.milliseconds += TAIL_MS
