"""A module of the SIP stack, by the C interface for such modules (pjsip/sip_module.h).

Its callbacks are asked about every message before modules of a higher priority number are; they
run on the thread of the event loop, and no exception may reach the stack.
"""

import ctypes


class String(ctypes.Structure):
    _fields_ = (("ptr", ctypes.c_void_p), ("slen", ctypes.c_ssize_t))

    @property
    def text(self) -> str:
        if not self.ptr or self.slen <= 0:
            return ""
        return ctypes.string_at(self.ptr, self.slen).decode(errors="replace")


OnReceive = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)


class Module(ctypes.Structure):
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
        ("on_rx_request", OnReceive),
        ("on_rx_response", OnReceive),
        ("on_tx_request", ctypes.c_void_p),
        ("on_tx_response", ctypes.c_void_p),
        ("on_tsx_state", ctypes.c_void_p),
    )
