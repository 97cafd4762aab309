"""NOTIFYs that tell the far side of a call how the transfer goes that it asked for (RFC 3515)."""

import ctypes
import importlib
import logging
from typing import TYPE_CHECKING

import pjsua2 as pj

from sip_plugin.sip.events import NotifyRefused
from sip_plugin.sip.message import printable
from sip_plugin.sip.pj_headers import headers_option

if TYPE_CHECKING:
    from sip_plugin.sip.agent import UserAgent

PATIENCE_SECS = 6.0
"""For the answer to one. The stack ends the call of a request that nobody answers, in 10 s."""
_NO_ANSWER = 480
_FINISHED = (pj.PJSIP_TSX_STATE_COMPLETED, pj.PJSIP_TSX_STATE_TERMINATED)

log = logging.getLogger(__name__)


class Reports:
    """Of one call, whose object this may not keep alive. A far side that refuses one, or says
    nothing to it, wants no more of them."""

    def __init__(self, owner: "UserAgent") -> None:
        self._owner = owner
        self._open: dict[int, int] = {}
        """The stack's handles of those that have no answer yet, which it gives out again, and which
        one of ours each is."""
        self._sent = 0

    @staticmethod
    def request(event: str, code: int, reason: str, final: bool) -> pj.CallSendRequestParam:
        """RFC 3515 section 2.4.4 and 2.4.5."""
        state = "terminated;reason=noresource" if final else "active;expires=60"
        prm = pj.CallSendRequestParam()
        prm.method = "NOTIFY"
        prm.txOption = headers_option((("Event", event), ("Subscription-State", state)))
        prm.txOption.contentType = "message/sipfrag;version=2.0"
        prm.txOption.msgBody = f"SIP/2.0 {code} {printable(reason)[:128]}\r\n"
        return prm

    def follow(self, sid: str, event: pj.TsxStateEvent) -> None:
        """A NOTIFY of ours got on, or ended."""
        handle, state, code = int(event.tsx.pjTransaction), event.tsx.state, event.tsx.statusCode
        if state not in _FINISHED:
            if event.type == pj.PJSIP_EVENT_TX_MSG and handle not in self._open:
                self._sent += 1
                self._open[handle] = number = self._sent
                self._owner.in_secs(PATIENCE_SECS, lambda: self._give_up(handle, number))
        elif handle in self._open:
            del self._open[handle]
            if code >= 300 and code not in (401, 407):
                log.info("call %s: a NOTIFY got %d, no more are sent", sid, code)
                self._owner.emit(NotifyRefused(sid, int(code)))

    def forget(self) -> None:
        """The call has ended: the stack tells of its requests no more."""
        self._open.clear()

    def _give_up(self, handle: int, number: int) -> None:
        if self._open.get(handle) == number:
            library = ctypes.CDLL(importlib.import_module("pjsua2._pjsua2").__file__)
            library.pjsip_tsx_terminate(ctypes.c_void_p(handle), _NO_ANSWER)
