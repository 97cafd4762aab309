"""Keeps Replaces (RFC 3891) from the SIP stack, which would hand the media port of one call to
another by itself. The INVITE then comes as any other; what it is to replace, we look up."""

import ctypes
import importlib
import logging

from sip_plugin.sip.errors import log_fault
from sip_plugin.sip.raw_message import parsed
from sip_plugin.sip.stack_module import Module, OnReceive, String

log = logging.getLogger(__name__)

_PRIORITY = 25
"""After transactions (16) and the answers to OPTIONS (24), before the layer of dialogs (32)."""
_REPLACES = b"Replaces"


class ReplacesHider:
    """Where it cannot be installed the stack asks about Replaces, and is told to refuse it.

    Must live as long as the stack.
    """

    def __init__(self) -> None:
        self._name = ctypes.create_string_buffer(b"replaces-hider")
        self._module = Module(
            name=String(ctypes.cast(self._name, ctypes.c_void_p), len(self._name.value)),
            id=-1,
            priority=_PRIORITY,
            on_rx_request=OnReceive(self._on_request),
        )
        self._wanted = ctypes.create_string_buffer(_REPLACES)
        self._header = String(ctypes.cast(self._wanted, ctypes.c_void_p), len(_REPLACES))

    def install(self) -> bool:
        """Once the stack is initialised. False: this build cannot have it."""
        library = ctypes.CDLL(importlib.import_module("pjsua2._pjsua2").__file__)
        try:
            library.pjsua_get_pjsip_endpt.restype = ctypes.c_void_p
            library.pjsip_rx_data_get_info.restype = ctypes.c_void_p
            library.pjsip_rx_data_get_info.argtypes = [ctypes.c_void_p]
            library.pjsip_msg_find_hdr_by_name.restype = ctypes.c_void_p
            library.pjsip_msg_find_hdr_by_name.argtypes = [
                *(ctypes.c_void_p, ctypes.POINTER(String), ctypes.c_void_p),
            ]
            endpoint = ctypes.c_void_p(library.pjsua_get_pjsip_endpt())
            status = library.pjsip_endpt_register_module(endpoint, ctypes.byref(self._module))
        except AttributeError as error:
            log.warning("INVITEs with Replaces are refused: %s", error)
            return False
        if status != 0 or self._module.id < 0:
            log.warning("INVITEs with Replaces are refused: status %d", status)
            return False
        self._library = library
        return True

    def _on_request(self, received: int) -> int:
        """Never handles a request."""
        try:
            info = self._library.pjsip_rx_data_get_info(received)
            if not info or b" INVITE/" not in ctypes.string_at(info):
                return 0
            message = parsed(received, info)
            # As often as it stands there; that it stands there twice is seen in the text.
            for _ in range(16):
                found = self._library.pjsip_msg_find_hdr_by_name(
                    message, ctypes.byref(self._header), None
                )
                if not found:
                    break
                _unlink(found)
        except Exception:
            log_fault(log, "an INVITE could not be looked at")
        return 0


def _unlink(header: int) -> None:
    """Take an element out of its list: each begins with the previous and the next one."""
    links = (ctypes.c_void_p * 2).from_address(header)
    previous, following = links[0], links[1]
    (ctypes.c_void_p * 2).from_address(previous)[1] = following
    (ctypes.c_void_p * 2).from_address(following)[0] = previous
