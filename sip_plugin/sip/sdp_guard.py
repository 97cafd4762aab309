"""Looks at every session description before the SIP stack works with it.

The stack aborts its process on some, looks up host names in others (which blocks it), and asks
nobody before it does so with an answer. So a module of ours stands in front of its transaction
layer, by the C interface for such modules (pjsip/sip_module.h).
"""

import ctypes
import importlib
import logging
from collections.abc import Callable

from sip_plugin.sip.errors import log_fault
from sip_plugin.sip.stack_module import Module, OnReceive, String

log = logging.getLogger(__name__)

_PRIORITY = 10
"""After the transport layer (8), before transactions (16)."""


class SdpGuard:
    """Refuses requests, and drops other messages, whose description `hazard` names a fault of.

    Must live as long as the stack. `latest` is the description that was passed on last.
    """

    def __init__(self, hazard: Callable[[str], str]) -> None:
        self.latest = ""
        self.refused = 0
        self._hazard = hazard
        self._name = ctypes.create_string_buffer(b"sdp-guard")
        self._module = Module(
            name=String(ctypes.cast(self._name, ctypes.c_void_p), len(self._name.value)),
            id=-1,
            priority=_PRIORITY,
            on_rx_request=OnReceive(self._on_request),
            on_rx_response=OnReceive(self._on_response),
        )

    def install(self) -> bool:
        """Once the stack is initialised. False: this build cannot have it."""
        self._library = ctypes.CDLL(importlib.import_module("pjsua2._pjsua2").__file__)
        try:
            self._library.pjsua_get_pjsip_endpt.restype = ctypes.c_void_p
            self._library.pjsip_rdata_get_sdp_info.restype = ctypes.POINTER(String)
            self._library.pjsip_rdata_get_sdp_info.argtypes = [ctypes.c_void_p]
            self._library.pjsip_rx_data_get_info.restype = ctypes.c_char_p
            self._library.pjsip_rx_data_get_info.argtypes = [ctypes.c_void_p]
            self._library.pjsip_endpt_respond_stateless.argtypes = [
                *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int),
                *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p),
            ]
            self._endpoint = ctypes.c_void_p(self._library.pjsua_get_pjsip_endpt())
            status = self._library.pjsip_endpt_register_module(
                self._endpoint, ctypes.byref(self._module)
            )
        except AttributeError as error:
            log.warning("session descriptions are not checked beforehand: %s", error)
            return False
        if status != 0 or self._module.id < 0:
            log.warning("session descriptions are not checked beforehand: status %d", status)
            return False
        return True

    def _on_request(self, received: int) -> int:
        """1: handled here, nobody else gets it. Exceptions must not reach the stack."""
        try:
            if not self._refuses(received):
                return 0
            info = self._library.pjsip_rx_data_get_info(received) or b""
            if b" ACK/" not in info:
                self._library.pjsip_endpt_respond_stateless(
                    self._endpoint, received, 488, None, None, None
                )
        except Exception:
            log_fault(log, "a request could not be checked")
        return 1

    def _on_response(self, received: int) -> int:
        try:
            return int(self._refuses(received))
        except Exception:
            log_fault(log, "a response could not be checked")
            return 1

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
