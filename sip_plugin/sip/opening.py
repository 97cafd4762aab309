"""A call while its model opens: answered when it is ready, given to the next agent when not."""

from sip_plugin.sip.actions import Action, Answer, Tell, ToWorker
from sip_plugin.sip.call import Call
from sip_plugin.sip.ending import Ending
from sip_plugin.sip.farewells import Farewells
from sip_plugin.sip.running import Running

PROMPT_SECS = 4.0
"""The worker may take so long to read a file."""
EARLY_SECS = 170.0
"""A prompt before a refusal is cut here: proxies give an INVITE up after 3 minutes (timer C,
RFC 3261 section 16.6)."""
OPEN_SLACK_SECS = 1.0
"""The worker gives up on a model by itself, and knows why; we do only if it says nothing."""


class Opening:
    def __init__(self, running: Running, ending: Ending, farewells: Farewells) -> None:
        self._running = running
        self._ending = ending
        self._farewells = farewells

    def begin(self, call: Call, now: float) -> ToWorker:
        """Open the model of a new call."""
        self._wait(call, now)
        return ToWorker(call.worker, call.opening())

    def ready(self, call: Call, wanted: dict[str, str], now: float) -> list[Action]:
        """`wanted`: headers that its agent wants in the answer."""
        call.timers.pop("open", None)
        self._running.gate.reached(call.sid)
        if call.direction == "outbound" or call.answered:
            return []
        call.sip_headers, refused = call.permitted(wanted)
        return [*map(Tell, refused), *self._answer_or_ring(call, now)]

    def _answer_or_ring(self, call: Call, now: float) -> list[Action]:
        if call.farewell is not None and call.farewell.refuse is not None:
            call.timers["early"] = now + EARLY_SECS
            return [Answer(call.leg, 183)]
        if now < call.rings_until:
            call.timers["rung"] = call.rings_until
            return [Answer(call.leg, 183)] if call.early_media == "greeting" else []
        return self.answer(call, now)

    def answer(self, call: Call, now: float) -> list[Action]:
        """It rang long enough."""
        call.answered = True
        call.timers["ack"] = now + self._running.config.sip.answer_timeout_secs
        answer: list[Action] = [Answer(call.leg, 200, call.sip_headers)]
        if call.media is not None:  # agreed on with a 183, and not anew
            answer.append(ToWorker(call.worker, call.starting()))
        return answer

    def failed(self, call: Call, reason: str, now: float) -> list[Action]:
        """The next agent of the route takes a call that was not answered; else it gets the
        agent's fallback, or ends."""
        if call.farewell is not None:
            return self._farewells.not_played(call, reason, now)
        if not call.answered:
            gone, agent = call.agent, self._running.gate.failed(call.sid, now)
            if agent and now < call.give_up_at:
                call.agent = agent
                call.timers.pop("rung", None)
                self._wait(call, now)
                failed = call.event("agent_failed", agent=gone, reason=reason, next=agent)
                opening = ToWorker(call.worker, call.opening(again=True))
                return [opening, Tell(failed), Tell(call.told())]
        if not self._farewells.fall_back(call):
            return self._ending.end(call, "model_failed", reason, now)
        told = [Tell(call.event("fallback", agent=call.agent, reason=reason))]
        if call.answered:
            return [*told, *self._farewells.begin(call, now)]
        call.timers.pop("rung", None)
        self._wait(call, now)
        return [ToWorker(call.worker, call.opening(again=True)), *told]

    def expired(self, call: Call, now: float) -> list[Action]:
        return self.failed(call, "the model did not open in time", now)

    def _wait(self, call: Call, now: float) -> None:
        patience = PROMPT_SECS if call.farewell else call.agent_spec.open_timeout_secs
        due = now + patience + OPEN_SLACK_SECS
        call.timers["open"] = min(due, call.give_up_at) if call.give_up_at else due
