"""Drops messages whose routes would abort the SIP stack, before it works with them.

The stack does not print a route that has its own parameter `hide`, and asserts that it has `lr`
too; an answer to a request repeats the request's Record-Route. So one packet of anybody ended a
process whose build has live assertions.
"""

import ctypes
import importlib
import logging
import re
from urllib.parse import unquote

from sip_plugin.sip.errors import log_fault
from sip_plugin.sip.raw_message import RawMessages
from sip_plugin.sip.stack_module import Module, OnReceive, String

log = logging.getLogger(__name__)

_PRIORITY = 9
"""After the transport layer (8), before all else."""
# As the stack's scanner has it: a CR alone ends a line too, and folds one, but not in quotes. So a
# route is read up to the LF.
_FOLD = re.compile(r"(?:(?:\r\n?|\n)[ \t]+)+")
_ROUTE = re.compile(r"(?:^|[\r\n])(?:record-|service-)?route[ \t]*:([^\n]*)", re.IGNORECASE)
_HIDE = re.compile(r";\s*hide\b", re.IGNORECASE)


def hides_a_route(text: str) -> bool:
    """Whether a message has a route that only we may write to ourselves."""
    if "%" not in text and "hide" not in text.lower():
        return False
    # Unescaped only then: an escaped line break ends no header.
    routes = _ROUTE.findall(_FOLD.sub(" ", text))
    return any(_HIDE.search(unquote(route)) for route in routes)


class RouteGuard:
    """Must live as long as the stack."""

    def __init__(self) -> None:
        self.dropped = 0
        self._name = ctypes.create_string_buffer(b"route-guard")
        self._module = Module(
            name=String(ctypes.cast(self._name, ctypes.c_void_p), len(self._name.value)),
            id=-1,
            priority=_PRIORITY,
            on_rx_request=OnReceive(self._on_message),
            on_rx_response=OnReceive(self._on_message),
        )

    def install(self) -> bool:
        """Once the stack is initialised. False: this build cannot have it."""
        library = ctypes.CDLL(importlib.import_module("pjsua2._pjsua2").__file__)
        try:
            self._messages = RawMessages(library)
            library.pjsua_get_pjsip_endpt.restype = ctypes.c_void_p
            endpoint = ctypes.c_void_p(library.pjsua_get_pjsip_endpt())
            status = library.pjsip_endpt_register_module(endpoint, ctypes.byref(self._module))
        except AttributeError as error:
            log.warning("routes are not checked beforehand: %s", error)
            return False
        if status != 0 or self._module.id < 0:
            log.warning("routes are not checked beforehand: status %d", status)
            return False
        return True

    def _on_message(self, received: int) -> int:
        """1: dropped, nobody else gets it."""
        try:
            if not hides_a_route(self._messages.text(received)):
                return 0
            self.dropped += 1
            if self.dropped & (self.dropped - 1) == 0:  # the 1st, 2nd, 4th, 8th, ...
                log.warning("%d messages with a hostile route dropped", self.dropped)
        except Exception:
            log_fault(log, "a message's routes could not be checked")
        return 1
