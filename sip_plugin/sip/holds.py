"""Hold and resume from our side: one re-INVITE at a time, again after glare (RFC 3261 14.1)."""

import random

from sip_plugin.sip.actions import Action, Hold, Tell
from sip_plugin.sip.call import Call

GLARE = 491
"""Both sides made an offer at the same time."""


class Holds:
    def want(self, call: Call, on: bool, now: float) -> list[Action]:
        """The agent or the control API wants the far side on hold, or back."""
        if not call.answered:
            return _failed(call, on, 0, "the call is not answered")
        if call.holds is on:
            return []
        call.holds = on
        if not call.confirmed or "offer" in call.timers:
            return []  # what is wanted then goes out after the ACK, or at its time
        return [Hold(call.leg, on)]

    def confirmed(self, call: Call) -> list[Action]:
        """The answer is acknowledged: offers may be made (RFC 3261 section 14.1)."""
        return [Hold(call.leg, True)] if call.holds else []

    def refused(self, call: Call, code: int, now: float) -> list[Action]:
        """The far side would not: after glare again, with other pauses than its own."""
        if code == GLARE:
            pause = (2.1, 4.0) if call.direction == "outbound" else (0.0, 2.0)
            call.timers["offer"] = now + random.uniform(*pause)
            return []
        wanted, call.holds = call.holds, not call.holds
        return _failed(call, wanted, code, "the far side refused it")

    def again(self, call: Call) -> list[Action]:
        return [Hold(call.leg, call.holds)]


def _failed(call: Call, on: bool, code: int, reason: str) -> list[Action]:
    return [Tell(call.event("hold_failed", on=on, code=code, reason=reason))]
