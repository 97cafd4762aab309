"""Keeps a refused NOTIFY from ending its call.

A far side that answers 481 or 408 to a NOTIFY has ended the subscription that its REFER made, and
nothing else (RFC 5057 section 5.1). The SIP stack takes both for the end of the call; so it is
shown another refusal, which it leaves to us.
"""

import ctypes
import logging

from sip_plugin.sip.raw_message import parsed
from sip_plugin.sip.stack_module import StackModule

_BAD_EVENT = 489
_CODE_AT = 8
"""Of the status code in a `pjsip_msg` (sip_msg.h)."""

log = logging.getLogger(__name__)


class NotifyRefusals(StackModule):
    name = "notify-refusals"
    priority = 10
    otherwise = "a refused NOTIFY ends its call"

    def on_response(self, received: int) -> bool:
        """Handles none."""
        info = self.info_at(received)
        told = ctypes.string_at(info) if info else b""
        for code in (408, 481):
            if f" {code}/NOTIFY/".encode() in told:
                place = ctypes.c_int.from_address(parsed(received, info) + _CODE_AT)
                assert place.value == code
                place.value = _BAD_EVENT
                log.info("a NOTIFY got %d, which the stack is shown as %d", code, _BAD_EVENT)
        return False
