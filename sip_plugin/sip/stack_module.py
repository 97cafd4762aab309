"""A module of the SIP stack, by the C interface for such modules (pjsip/sip_module.h).

It is asked about every message before modules of a higher priority number are: the transport layer
has 8, transactions 16, dialogs 32. That is on the thread of the event loop.
"""

import ctypes
import importlib
import logging
from collections.abc import Sequence

from sip_plugin.sip.errors import log_fault
from sip_plugin.sip.stack_headers import header_list
from sip_plugin.sip.stack_string import String

log = logging.getLogger(__name__)


_OnReceive = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)


class _Module(ctypes.Structure):
    _fields_ = (
        ("prev", ctypes.c_void_p),
        ("next", ctypes.c_void_p),
        ("name", String),
        ("id", ctypes.c_int),
        ("priority", ctypes.c_int),
        ("load", ctypes.c_void_p),
        ("start", ctypes.c_void_p),
        ("stop", ctypes.c_void_p),
        ("unload", ctypes.c_void_p),
        ("on_rx_request", _OnReceive),
        ("on_rx_response", _OnReceive),
        ("on_tx_request", ctypes.c_void_p),
        ("on_tx_response", ctypes.c_void_p),
        ("on_tsx_state", ctypes.c_void_p),
    )


class StackModule:
    """To be derived from: `on_request` and `on_response` return whether they have handled a
    message, which then nobody else gets. `received` is the address of the stack's `pjsip_rx_data`.

    Must live as long as the stack.
    """

    name: str
    priority: int
    otherwise: str
    """What is so where it cannot be installed."""
    on_fault = False
    """Whether a message at which it fails counts as handled."""

    def __init__(self) -> None:
        self._name = ctypes.create_string_buffer(self.name.encode())
        self._module = _Module(
            name=String.of(self._name),
            id=-1,
            priority=self.priority,
            on_rx_request=_OnReceive(self._guarded(self.on_request)),
            on_rx_response=_OnReceive(self._guarded(self.on_response)),
        )

    def on_request(self, received: int) -> bool:
        return False

    def on_response(self, received: int) -> bool:
        return False

    def prepare(self, library: ctypes.CDLL) -> None:
        """Raises AttributeError when this build hides what is needed."""

    def install(self) -> bool:
        """Once the stack is initialised. False: this build cannot have it."""
        library = ctypes.CDLL(importlib.import_module("pjsua2._pjsua2").__file__)
        try:
            library.pjsua_get_pjsip_endpt.restype = ctypes.c_void_p
            library.pjsip_rx_data_get_info.restype = ctypes.c_void_p
            library.pjsip_rx_data_get_info.argtypes = [ctypes.c_void_p]
            library.pjsip_endpt_respond_stateless.argtypes = [
                *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int),
                *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p),
            ]
            self.prepare(library)
            self._library = library
            self._endpoint = ctypes.c_void_p(library.pjsua_get_pjsip_endpt())
            status = library.pjsip_endpt_register_module(self._endpoint, ctypes.byref(self._module))
        except AttributeError as error:
            log.warning("%s: %s", self.otherwise, error)
            return False
        if status != 0 or self._module.id < 0:
            log.warning("%s: status %d", self.otherwise, status)
            return False
        return True

    def info_at(self, received: int) -> int:
        """Address of what the stack says of a message, such as `Request msg BYE/cseq=2 (...)`."""
        return self._library.pjsip_rx_data_get_info(received) or 0

    def info(self, received: int) -> bytes:
        return ctypes.string_at(at) if (at := self.info_at(received)) else b""

    def respond(self, received: int, code: int, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Answer a request, which is then handled, without a transaction."""
        with header_list(headers) as listed:
            self._library.pjsip_endpt_respond_stateless(
                self._endpoint, received, code, None, listed, None
            )

    def _guarded(self, ask):
        """No exception may reach the stack."""

        def asked(received: int) -> int:
            try:
                return int(ask(received))
            except Exception:
                log_fault(log, "%s: a message could not be looked at", self.name)
                return int(self.on_fault)

        return asked
