"""Attended transfers: the phone waits on hold while its agent speaks with the target.

The agent is on the second call by itself, as another call to it, whose header `consultation_for`
names the first. It ends with REFER and Replaces (RFC 3891), or the phone comes back.
"""

from dialplan import NoDial, normalize
from sip_plugin.config.sip_headers import Headers
from sip_plugin.planes.messages import TransferProgress
from sip_plugin.sip.actions import Action, Refer, Tell, ToWorker
from sip_plugin.sip.call import Call
from sip_plugin.sip.ending import Ending
from sip_plugin.sip.holds import Holds
from sip_plugin.sip.outbound import Outbound
from sip_plugin.sip.running import Running
from sip_plugin.sip.transfers import TRANSFER_SECS, failed

HEADER = "consultation_for"


class Consultations:
    def __init__(self, running: Running, outbound: Outbound, holds: Holds, ending: Ending) -> None:
        self._running = running
        self._outbound = outbound
        self._holds = holds
        self._ending = ending

    def begin(self, call: Call, target: str, now: float, headers: Headers = ()) -> list[Action]:
        """Put `call` on hold and call the target, by the rules for calls out and by its trunk:
        only who has both calls can connect them."""
        if not call.confirmed or call.consultation or call.is_moving:
            reason = "one is under way" if call.confirmed else "the call is not answered"
            return failed(call, 0, reason)
        try:
            number = normalize(target)
        except ValueError as error:
            return failed(call, 0, f"the target is {error}")
        plan = self._running.config.dialplan.outbound.decide(number, call.trunk)
        if isinstance(plan, NoDial):
            return failed(call, plan.code, f"not allowed: {plan.why}")
        begun = self._outbound.begin(call.agent, plan, now, {HEADER: call.sid}, headers)
        if isinstance(begun, NoDial):
            return failed(call, begun.code, begun.why)
        consultation, actions = begun
        consultation.consults_for, call.consultation = call.sid, consultation.sid
        told = call.event("consultation", sid=consultation.sid, target=number)
        return [
            *self._holds.want(call, True, now),
            Tell(told),
            *actions,
            *_progress(call, "trying"),
        ]

    def decided(self, call: Call, complete: bool, now: float) -> list[Action]:
        """The agent, on either of the calls, has the transfer go through or gives it up."""
        pair = self._pair(call)
        if pair is None:
            return failed(call, 0, "no attended transfer is under way")
        phone, target = pair
        if not complete:
            phone.consultation = ""
            ended = self._end(target, "transfer_cancelled", "the transfer is given up", now)
            return [*ended, *self._back(phone, now), *_progress(phone, "cancelled")]
        if "transfer" in phone.timers:
            return []
        if not target.confirmed:
            target.complete_asked = True
            return []
        phone.timers["transfer"] = now + TRANSFER_SECS
        return [Refer(phone.leg, "", target.leg)]

    def rings(self, call: Call) -> list[Action]:
        """The target of an attended transfer rings."""
        pair = self._pair(call) if call.consults_for else None
        return _progress(pair[0], "ringing") if pair else []

    def answered(self, call: Call, now: float) -> list[Action]:
        """The target of an attended transfer has answered."""
        pair = self._pair(call) if call.consults_for else None
        if pair is None:
            return []
        told = _progress(pair[0], "answered")
        return [*told, *self.decided(call, True, now)] if call.complete_asked else told

    def ended(self, call: Call, code: int, reason: str, now: float) -> list[Action]:
        """One of the two calls is over."""
        if call.consultation:
            target = self._running.calls.get(call.consultation)
            if target is None or target.ending:
                return []
            done = call.ending == "transferred"
            name = "transferred" if done else "transfer_cancelled"
            return self._end(target, name, "the caller is gone", now)
        phone = self._running.calls.get(call.consults_for)
        if phone is None or phone.ending or phone.consultation != call.sid:
            return []
        if "transfer" in phone.timers:
            return []  # the far side takes it over: its NOTIFY tells how that went
        phone.consultation = ""
        return [*self._back(phone, now), *failed(phone, code, reason or "the target hung up")]

    def not_transferred(self, call: Call, now: float) -> list[Action]:
        """The far side could not connect the two: the phone comes back."""
        if not call.consultation or call.ending:
            return []
        target = self._running.calls.get(call.consultation)
        call.consultation = ""
        ended = [] if target is None else self._end(target, "transfer_failed", "not connected", now)
        return [*ended, *self._back(call, now)]

    def _back(self, phone: Call, now: float) -> list[Action]:
        return [] if phone.ending else self._holds.want(phone, False, now)

    def _pair(self, call: Call) -> tuple[Call, Call] | None:
        """The phone's call and the target's, while both run."""
        phone = self._running.calls.get(call.consults_for) if call.consults_for else call
        target = self._running.calls.get(phone.consultation) if phone else None
        if phone is None or target is None or phone.ending or target.ending:
            return None
        return phone, target

    def _end(self, call: Call, name: str, reason: str, now: float) -> list[Action]:
        return [] if call.ending else self._ending.end(call, name, reason, now)


def _progress(call: Call, state: str) -> list[Action]:
    told = TransferProgress(sid=call.sid, state=state)
    return [ToWorker(call.worker, told), Tell(call.event("transfer_progress", state=state))]
