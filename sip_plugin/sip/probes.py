"""Answers OPTIONS as the state of the plugin, or of a call, asks for (RFC 3261 section 11).

Proxies ask a host in this way whether calls may go there: 503 while none could be taken. The
stack by itself answers 200 whatever the state of the plugin; and within a call, where a PBX asks
whether it still stands, 500.
"""

import ctypes
import importlib
import logging
from collections.abc import Callable

from sip_plugin.sip import dialogs
from sip_plugin.sip.errors import log_fault
from sip_plugin.sip.message import Message, parse
from sip_plugin.sip.raw_message import RawMessages
from sip_plugin.sip.stack_module import Module, OnReceive, String

log = logging.getLogger(__name__)

_PRIORITY = 24
"""After transactions (16), before the layer of dialogs (32)."""
_POOL_BYTES = 512


class ProbeAnswers:
    """`retry_after_secs` tells for how long no call should be sent here; 0: calls are welcome.

    Must live as long as the stack.
    """

    def __init__(self, retry_after_secs: Callable[[], int]) -> None:
        self._retry_after_secs = retry_after_secs
        self._headers: dict[int, ctypes.Array[ctypes.c_void_p]] = {}
        """By their value, of which there are two or three."""
        self._name = ctypes.create_string_buffer(b"probe-answers")
        self._module = Module(
            name=String(ctypes.cast(self._name, ctypes.c_void_p), len(self._name.value)),
            id=-1,
            priority=_PRIORITY,
            on_rx_request=OnReceive(self._on_request),
        )

    def install(self) -> bool:
        """Once the stack is initialised. False: this build always answers 200."""
        library = ctypes.CDLL(importlib.import_module("pjsua2._pjsua2").__file__)
        try:
            library.pjsua_get_pjsip_endpt.restype = ctypes.c_void_p
            library.pjsua_pool_create.restype = ctypes.c_void_p
            library.pjsip_retry_after_hdr_create.restype = ctypes.c_void_p
            library.pjsip_retry_after_hdr_create.argtypes = [ctypes.c_void_p, ctypes.c_int]
            library.pjsip_rx_data_get_info.restype = ctypes.c_char_p
            library.pjsip_rx_data_get_info.argtypes = [ctypes.c_void_p]
            library.pjsip_endpt_respond_stateless.argtypes = [
                *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int),
                *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p),
            ]
            self._messages = RawMessages(library)
            dialogs.check()
            self._endpoint = ctypes.c_void_p(library.pjsua_get_pjsip_endpt())
            size = ctypes.c_size_t(_POOL_BYTES)
            self._pool = library.pjsua_pool_create(b"probe-answers", size, size)
            status = library.pjsip_endpt_register_module(self._endpoint, ctypes.byref(self._module))
        except AttributeError as error:
            log.warning("OPTIONS is answered with 200 whatever happens: %s", error)
            return False
        if status != 0 or self._module.id < 0:
            log.warning("OPTIONS is answered with 200 whatever happens: status %d", status)
            return False
        self._library = library
        return True

    def _on_request(self, received: int) -> int:
        """1: answered here, nobody else gets it."""
        try:
            info = self._library.pjsip_rx_data_get_info(received) or b""
            if b" OPTIONS/" not in info:
                return 0
            asked = parse(self._messages.text(received))
            if dialogs.tag_of(asked.headers.get("to", "")):
                return self._within_a_call(received, asked)
            secs = self._retry_after_secs()
            if secs <= 0:
                return 0
            self._respond(received, 503, self._retry_after(secs))
        except Exception:
            log_fault(log, "OPTIONS could not be answered")
        return 1

    def _within_a_call(self, received: int, asked: Message) -> int:
        """It stands, whatever becomes of new ones; the stack refuses what is of no call."""
        if not dialogs.of_message(asked, ours="to"):
            return 0
        self._respond(received, 200, None)
        return 1

    def _respond(self, received: int, code: int, headers: int | None) -> None:
        self._library.pjsip_endpt_respond_stateless(
            self._endpoint, received, code, None, headers, None
        )

    def _retry_after(self, secs: int) -> int:
        """Address of a list with this header alone; the stack copies what is in it."""
        if secs not in self._headers:
            header = self._library.pjsip_retry_after_hdr_create(self._pool, secs)
            # Of a list's head only the two pointers that every element begins with count.
            head = (ctypes.c_void_p * 2)(header, header)
            link = (ctypes.c_void_p * 2).from_address(header)
            link[0] = link[1] = ctypes.addressof(head)
            self._headers[secs] = head
        return ctypes.addressof(self._headers[secs])
