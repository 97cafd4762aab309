"""Answers requests that are of no call, or that no call has, before the SIP stack does.

By itself it takes a MESSAGE that nobody reads, answers others with 500 or not at all, and as many
as come.
"""

import ctypes
import logging
import time
from collections.abc import Callable

from sip_plugin.sip import dialogs
from sip_plugin.sip.message import parse
from sip_plugin.sip.raw_message import RawMessages
from sip_plugin.sip.stack_module import StackModule
from sip_plugin.sip.stray_answers import Stray, StrayLimits, answer_to

log = logging.getLogger(__name__)

_CALLS_OWN = frozenset({b"INVITE", b"ACK", b"CANCEL"})


class Strays(StackModule):
    name = "strays"
    priority = 12
    otherwise = "requests outside of calls are answered as the SIP stack does"
    on_fault = True

    def __init__(self, is_trunk: Callable[[str], bool]) -> None:
        """`is_trunk`: whether a trunk has an address."""
        super().__init__()
        self._limits = StrayLimits(is_trunk)

    def prepare(self, library: ctypes.CDLL) -> None:
        self._messages = RawMessages(library)
        dialogs.check()

    def on_request(self, received: int) -> bool:
        # `Request msg METHOD/cseq=...`
        if self.info(received)[12:].partition(b"/")[0] in _CALLS_OWN:
            return False
        source, text = self._messages.source_and_text(received)
        asked = parse(text)
        headers = asked.headers
        has_tag = bool(dialogs.tag_of(headers.get("to", "")))
        stray = Stray(
            method=asked.start.partition(" ")[0],
            event=headers.get("event", "").partition(";")[0].strip().lower(),
            has_tag=has_tag,
            is_of_call=has_tag and bool(dialogs.of_message(asked, ours="to")),
        )
        if not stray.is_of_call and not self._limits.admit(source, stray.method, time.monotonic()):
            if (dropped := self._limits.dropped) & (dropped - 1) == 0:  # the 1st, 2nd, 4th, ...
                log.warning("%d requests outside of calls dropped: too many", dropped)
            return True
        answer = None if stray.method == "OPTIONS" else answer_to(stray)
        if answer is None:
            return False
        self.respond(received, *answer)
        return True
