"""Keys by SIP INFO, for a far side that takes no telephone events: one after the other."""

from sip_plugin.sip.actions import Action, PressKey
from sip_plugin.sip.call import Call

KEY_SECS = 0.25
"""From one key to the next: the length that is told, and a pause."""
MAX_KEYS = 64


class Keys:
    def want(self, call: Call, keys: str, now: float) -> list[Action]:
        """Press these after those that wait; what is beyond 64 is dropped."""
        waits = bool(call.keys) or "keys" in call.timers
        call.keys = (call.keys + keys)[:MAX_KEYS]
        return [] if waits else self.next(call, now)

    def next(self, call: Call, now: float) -> list[Action]:
        if not call.keys or not call.confirmed:
            return []
        key, call.keys = call.keys[0], call.keys[1:]
        call.timers["keys"] = now + KEY_SECS
        return [PressKey(call.leg, key)]
