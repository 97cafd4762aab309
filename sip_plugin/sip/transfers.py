"""Blind transfers (REFER, RFC 3515): to where outbound rules allow, one at a time a call."""

from dialplan import NoDial, normalize
from dialplan.entry import is_uri, number_of_uri
from sip_plugin.config.sip_headers import Headers
from sip_plugin.planes.messages import TransferProgress
from sip_plugin.sip.actions import Action, Refer, Tell, ToWorker
from sip_plugin.sip.call import Call
from sip_plugin.sip.ending import Ending
from sip_plugin.sip.running import Running

TRANSFER_SECS = 30.0
"""A far side that says nothing more of a transfer is not waited for any longer."""


class Transfers:
    def __init__(self, running: Running, ending: Ending) -> None:
        self._running = running
        self._ending = ending

    def begin(self, call: Call, target: str, now: float, headers: Headers = ()) -> list[Action]:
        """To what a model asks for, which may be what a caller talked it into: the same rules as
        for a call out."""
        try:
            number = normalize(target)
        except ValueError as error:
            return failed(call, 0, f"the target is {error}")
        uri = self._running.trunks[call.trunk].uri_of(number)
        return self._refer(call, uri, number, now, headers)

    def begin_configured(self, call: Call, target: str, now: float) -> list[Action]:
        """To a number or a URI of the configuration, in which a caller's digits may stand."""
        if not is_uri(target):
            return self.begin(call, target, now)
        return self._refer(call, target, number_of_uri(target), now)

    def _refer(
        self, call: Call, uri: str, number: str, now: float, headers: Headers = ()
    ) -> list[Action]:
        """`number` is what the rules look at; a URI without a user has none."""
        allowed = self._running.config.dialplan.outbound.decide(number) if number else None
        if isinstance(allowed, NoDial):
            return failed(call, allowed.code, f"not allowed: {allowed.why}")
        if not call.confirmed or call.is_moving:
            reason = "the call is not answered" if not call.confirmed else "one is under way"
            return failed(call, 0, reason)
        call.timers["transfer"] = now + TRANSFER_SECS
        call.transfer_state = ""
        return [Refer(call.leg, uri, headers=headers)]

    def progressed(self, call: Call, code: int, now: float) -> list[Action]:
        """The far side calls the target: the NOTIFYs of RFC 3515."""
        if "transfer" not in call.timers or call.ending or not 100 <= code < 200:
            return []
        state = "ringing" if 180 <= code < 190 else "trying"
        if state == call.transfer_state:
            return []
        call.transfer_state = state
        call.timers["transfer"] = now + TRANSFER_SECS
        progress = TransferProgress(sid=call.sid, state=state, code=code)
        told = call.event("transfer_progress", state=state, code=code)
        return [ToWorker(call.worker, progress), Tell(told)]

    def ended(self, call: Call, code: int, reason: str, now: float) -> list[Action]:
        """The far side has called the target, or not: `code` is what the target said."""
        if call.timers.pop("transfer", None) is None:
            return []
        if code // 100 == 2 and not call.ending:
            return self._ending.end(call, "transferred", "transferred", now)
        return failed(call, code, reason)

    def not_sent(self, call: Call, reason: str) -> list[Action]:
        """The stack would not send the REFER."""
        call.timers.pop("transfer", None)
        return failed(call, 0, reason)

    def expired(self, call: Call) -> list[Action]:
        return failed(call, 408, f"not confirmed in {TRANSFER_SECS:g} s")


def failed(call: Call, code: int, reason: str) -> list[Action]:
    """Nothing came of it: the call is the agent's again, which is told so."""
    told: list[Action] = [Tell(call.event("transfer_failed", code=code, reason=reason))]
    if call.closed:
        return told
    progress = TransferProgress(sid=call.sid, state="failed", code=code, reason=reason[:256])
    return [ToWorker(call.worker, progress), *told]
