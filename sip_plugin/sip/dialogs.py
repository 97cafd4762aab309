"""Dialogs of the SIP stack that its binding does not show: finding one, answering within one."""

import ctypes
import importlib
from functools import lru_cache

from sip_plugin.sip.stack_module import String


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    """Raises AttributeError when this build hides what is needed."""
    library = ctypes.CDLL(importlib.import_module("pjsua2._pjsua2").__file__)
    library.pjsip_rdata_get_dlg.restype = ctypes.c_void_p
    library.pjsip_rdata_get_dlg.argtypes = [ctypes.c_void_p]
    library.pjsip_dlg_respond.argtypes = [
        *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int),
        *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p),
    ]
    library.pjsip_ua_find_dialog.restype = ctypes.c_void_p
    library.pjsip_ua_find_dialog.argtypes = [*[ctypes.POINTER(String)] * 3, ctypes.c_int]
    return library


def answer(received: int, code: int) -> None:
    """Answer a request of a dialog, from inside the stack's callback about it.

    `received`: address of the stack's `pjsip_rx_data`. Raises AttributeError as above.
    """
    library = _library()
    if dialog := library.pjsip_rdata_get_dlg(received):
        library.pjsip_dlg_respond(dialog, received, code, None, None, None)


def exists(call_id: str, local_tag: str, remote_tag: str) -> bool:
    """Raises AttributeError as above."""
    kept = [name.encode() for name in (call_id, local_tag, remote_tag)]
    strings = [
        String(ctypes.cast(ctypes.c_char_p(name), ctypes.c_void_p), len(name)) for name in kept
    ]
    return bool(_library().pjsip_ua_find_dialog(*map(ctypes.byref, strings), 0))
