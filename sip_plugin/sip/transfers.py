"""Blind transfers (REFER, RFC 3515): to where outbound rules allow, one at a time a call."""

from dialplan import NoDial, normalize
from sip_plugin.sip.actions import Action, Refer, Tell
from sip_plugin.sip.call import Call
from sip_plugin.sip.ending import Ending
from sip_plugin.sip.running import Running

TRANSFER_SECS = 30.0
"""A far side that says nothing more of a transfer is not waited for any longer."""


class Transfers:
    def __init__(self, running: Running, ending: Ending) -> None:
        self._running = running
        self._ending = ending

    def begin(self, call: Call, target: str, now: float) -> list[Action]:
        trunk = self._running.trunks[call.trunk]
        try:
            uri = trunk.uri_of(normalize(target))
        except ValueError as error:
            return _failed(call, 0, f"the target is {error}")
        # What a model says may be what a caller talked it into: the same rules as for a call out.
        allowed = self._running.config.dialplan.outbound.decide(target)
        if isinstance(allowed, NoDial):
            return _failed(call, allowed.code, f"not allowed: {allowed.why}")
        if not call.confirmed or "transfer" in call.timers:
            reason = "the call is not answered" if not call.confirmed else "one is under way"
            return _failed(call, 0, reason)
        call.timers["transfer"] = now + TRANSFER_SECS
        return [Refer(call.leg, uri)]

    def ended(self, call: Call, code: int, reason: str, now: float) -> list[Action]:
        """The far side has called the target, or not: `code` is what the target said."""
        if call.timers.pop("transfer", None) is None:
            return []
        if code // 100 == 2 and not call.ending:
            return self._ending.end(call, "transferred", "transferred", now)
        return _failed(call, code, reason)

    def not_sent(self, call: Call, reason: str) -> list[Action]:
        """The stack would not send the REFER."""
        call.timers.pop("transfer", None)
        return _failed(call, 0, reason)

    def expired(self, call: Call) -> list[Action]:
        return _failed(call, 408, f"not confirmed in {TRANSFER_SECS:g} s")


def _failed(call: Call, code: int, reason: str) -> list[Action]:
    return [Tell(call.event("transfer_failed", code=code, reason=reason))]
