"""Answers OPTIONS as the state of the plugin, or of a call, asks for (RFC 3261 section 11).

Proxies ask a host in this way whether calls may go there: 503 while none could be taken. The
stack by itself answers 200 whatever the state of the plugin; and within a call, where a PBX asks
whether it still stands, 500.
"""

import ctypes
from collections.abc import Callable

from sip_plugin.sip import dialogs
from sip_plugin.sip.message import parse
from sip_plugin.sip.raw_message import RawMessages
from sip_plugin.sip.stack_module import StackModule


class ProbeAnswers(StackModule):
    """`retry_after_secs` tells for how long no call should be sent here; 0: calls are welcome."""

    name = "probe-answers"
    priority = 24
    otherwise = "OPTIONS is answered with 200 whatever happens"
    on_fault = True

    def __init__(self, retry_after_secs: Callable[[], int]) -> None:
        super().__init__()
        self._retry_after_secs = retry_after_secs

    def prepare(self, library: ctypes.CDLL) -> None:
        self._messages = RawMessages(library)
        dialogs.check()

    def on_request(self, received: int) -> bool:
        if b" OPTIONS/" not in self.info(received):
            return False
        asked = parse(self._messages.text(received))
        if dialogs.tag_of(asked.headers.get("to", "")):
            # Its call stands, whatever becomes of new ones; the stack refuses what is of no call.
            if not dialogs.of_message(asked, ours="to"):
                return False
            self.respond(received, 200)
            return True
        if (secs := self._retry_after_secs()) <= 0:
            return False
        self.respond(received, 503, (("Retry-After", str(secs)),))
        return True
