"""Looks at every session description before the SIP stack works with it.

The stack aborts its process on some, looks up host names in others (which blocks it), and asks
nobody before it does so with an answer. So a module of ours stands in front of its transaction
layer.
"""

import ctypes
import logging
from collections.abc import Callable

from sip_plugin.sip.stack_module import StackModule
from sip_plugin.sip.stack_string import String

log = logging.getLogger(__name__)


class SdpGuard(StackModule):
    """Refuses requests, and drops other messages, whose description `hazard` names a fault of.

    `latest` is the description that was passed on last.
    """

    name = "sdp-guard"
    priority = 10
    otherwise = "session descriptions are not checked beforehand"
    on_fault = True

    def __init__(self, hazard: Callable[[str], str]) -> None:
        self.latest = ""
        self.refused = 0
        self._hazard = hazard
        super().__init__()

    def prepare(self, library: ctypes.CDLL) -> None:
        library.pjsip_rdata_get_sdp_info.restype = ctypes.POINTER(String)
        library.pjsip_rdata_get_sdp_info.argtypes = [ctypes.c_void_p]

    def on_request(self, received: int) -> bool:
        if not self._refuses(received):
            return False
        if b" ACK/" not in self.info(received):
            self.respond(received, 488)
        return True

    def on_response(self, received: int) -> bool:
        return self._refuses(received)

    def _refuses(self, received: int) -> bool:
        found = self._library.pjsip_rdata_get_sdp_info(received)
        text = found.contents.text if found else ""
        if not text:
            return False
        if why := self._hazard(text):
            self.refused += 1
            if self.refused & (self.refused - 1) == 0:  # the 1st, 2nd, 4th, 8th, ...
                log.warning("%d hostile session descriptions refused: %s", self.refused, why)
            return True
        self.latest = text
        return False
