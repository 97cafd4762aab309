"""Keeps a refused NOTIFY from ending its call.

A far side that answers 481 or 408 to a NOTIFY has ended the subscription that its REFER made, and
nothing else (RFC 5057 section 5.1). The SIP stack takes both for the end of the call; so it is
shown another refusal, which it leaves to us.
"""

import ctypes
import importlib
import logging

from sip_plugin.sip.errors import log_fault
from sip_plugin.sip.raw_message import parsed
from sip_plugin.sip.stack_module import Module, OnReceive, String

log = logging.getLogger(__name__)

_PRIORITY = 10
"""After the transport layer (8), before transactions (16)."""
_BAD_EVENT = 489
_CODE_AT = 8
"""Of the status code in a `pjsip_msg` (sip_msg.h)."""


class NotifyRefusals:
    """Must live as long as the stack."""

    def __init__(self) -> None:
        self._name = ctypes.create_string_buffer(b"notify-refusals")
        self._module = Module(
            name=String(ctypes.cast(self._name, ctypes.c_void_p), len(self._name.value)),
            id=-1,
            priority=_PRIORITY,
            on_rx_response=OnReceive(self._on_response),
        )

    def install(self) -> bool:
        """Once the stack is initialised. False: this build cannot have it."""
        library = ctypes.CDLL(importlib.import_module("pjsua2._pjsua2").__file__)
        try:
            library.pjsua_get_pjsip_endpt.restype = ctypes.c_void_p
            library.pjsip_rx_data_get_info.restype = ctypes.c_void_p
            library.pjsip_rx_data_get_info.argtypes = [ctypes.c_void_p]
            endpoint = ctypes.c_void_p(library.pjsua_get_pjsip_endpt())
            status = library.pjsip_endpt_register_module(endpoint, ctypes.byref(self._module))
        except AttributeError as error:
            log.warning("a refused NOTIFY ends its call: %s", error)
            return False
        if status != 0 or self._module.id < 0:
            log.warning("a refused NOTIFY ends its call: status %d", status)
            return False
        self._library = library
        return True

    def _on_response(self, received: int) -> int:
        """Never handles a response."""
        try:
            info = self._library.pjsip_rx_data_get_info(received)
            told = ctypes.string_at(info) if info else b""
            for code in (408, 481):
                if f" {code}/NOTIFY/".encode() in told:
                    place = ctypes.c_int.from_address(parsed(received, info) + _CODE_AT)
                    assert place.value == code
                    place.value = _BAD_EVENT
        except Exception:
            log_fault(log, "an answer to NOTIFY could not be looked at")
        return 0
