"""A call that has no agent, or none any more: its prompt, then a transfer or the end."""

from bridge.agent import Fallback
from dialplan import Answer, Play, Prompt, Reject, Transfer
from sip_plugin.planes.messages import PlayPrompt, PromptSpec
from sip_plugin.sip.actions import Action, Refer, ToWorker
from sip_plugin.sip.call import Call, Farewell
from sip_plugin.sip.ending import Ending
from sip_plugin.sip.transfers import Transfers


def prompt_of(prompt: Prompt | None) -> PromptSpec | None:
    return PromptSpec(file=prompt.file, times=prompt.times) if prompt else None


def farewell_of(routed: Answer | Play | Transfer) -> Farewell | None:
    """None for a call that an agent gets."""
    match routed:
        case Play(prompt=prompt, refuse=Reject(code=code, reason=phrase)):
            return Farewell(prompt_of(prompt), cause="refused", refuse=(code, phrase))
        case Play(prompt=prompt, hangup_cause=hangup_cause):
            return Farewell(prompt_of(prompt), hangup_cause=hangup_cause)
        case Transfer(target=target, prompt=prompt):
            return Farewell(prompt_of(prompt), target)
    return None


class Farewells:
    def __init__(self, transfers: Transfers, ending: Ending) -> None:
        self._transfers = transfers
        self._ending = ending

    def fall_back(self, call: Call) -> bool:
        """Give a call the fallback of its agent, whose model is gone; False: it has none.

        Whom we call ourselves hears of our troubles only when the call was answered.
        """
        spec = call.agent_spec.fallback
        if spec is None or (call.direction == "outbound" and not call.answered):
            return False
        call.farewell = _farewell(spec)
        return True

    def begin(self, call: Call, now: float) -> list[Action]:
        """Of an answered call."""
        assert call.farewell is not None
        if call.farewell.prompt is None:
            return self.confirmed(call, now)
        return [ToWorker(call.worker, PlayPrompt(sid=call.sid, prompt=call.farewell.prompt))]

    def prompt_ended(self, call: Call, now: float) -> list[Action]:
        call.prompt_over = True
        if call.farewell is not None and call.farewell.refuse is not None:
            return self._ending.end(call, "refused", "the prompt was played", now)
        return self.confirmed(call, now)

    def confirmed(self, call: Call, now: float) -> list[Action]:
        """What comes after the prompt, once it was heard and the answer is acknowledged."""
        farewell = call.farewell
        if farewell is None or not call.confirmed:
            return []
        if farewell.prompt is not None and not call.prompt_over:
            return []
        if farewell.transfer:
            actions = self._transfers.begin_configured(call, farewell.transfer, now)
            return self.check(call, actions, now)
        reason = "the prompt was played" if farewell.prompt else "there is no agent"
        return self._ending.end(call, farewell.cause, reason, now, farewell.hangup_cause)

    def not_played(self, call: Call, reason: str, now: float) -> list[Action]:
        """What comes after the prompt comes without it, if that is more than the end."""
        assert call.farewell is not None
        if call.farewell.transfer and call.confirmed:
            call.prompt_over = True
            return self.confirmed(call, now)
        cause = "refused" if call.farewell.refuse else "model_failed"
        return self._ending.end(call, cause, reason, now, call.farewell.hangup_cause)

    def check(self, call: Call, actions: list[Action], now: float) -> list[Action]:
        """`actions` of a transfer: when it has failed, nothing is left of such a call."""
        under_way = "transfer" in call.timers or any(isinstance(a, Refer) for a in actions)
        if call.farewell is None or call.ending or under_way or not actions:
            return actions
        reason = "the transfer failed"
        return [*actions, *self._ending.end(call, "transfer_failed", reason, now)]


def _farewell(spec: Fallback) -> Farewell:
    prompt = PromptSpec(file=spec.prompt, times=spec.prompt_times) if spec.prompt else None
    return Farewell(prompt, spec.transfer, "model_failed", spec.hangup_cause)
