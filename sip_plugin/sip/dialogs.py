"""Dialogs of the SIP stack, which its Python binding does not show, by its C symbols."""

import ctypes
import importlib
import re
from collections.abc import Sequence
from functools import lru_cache

from sip_plugin.sip.message import Message
from sip_plugin.sip.stack_headers import header_list
from sip_plugin.sip.stack_string import String

_TAG = re.compile(r";\s*tag\s*=\s*([^;,>\s]{1,128})", re.IGNORECASE)


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    """Raises AttributeError when this build hides what is needed."""
    library = ctypes.CDLL(importlib.import_module("pjsua2._pjsua2").__file__)
    library.pjsip_ua_find_dialog.restype = ctypes.c_void_p
    library.pjsip_ua_find_dialog.argtypes = [*[ctypes.POINTER(String)] * 3, ctypes.c_int]
    library.pjsip_dlg_set_route_set.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    library.pjsip_rdata_get_dlg.restype = ctypes.c_void_p
    library.pjsip_rdata_get_dlg.argtypes = [ctypes.c_void_p]
    library.pjsip_dlg_respond.argtypes = [
        *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int),
        *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p),
    ]
    return library


def check() -> None:
    """Raises AttributeError when this build hides what is needed."""
    _library()


def answer(received: int, code: int, headers: Sequence[tuple[str, str]] = ()) -> None:
    """Answer a request of a dialog, from inside the stack's callback about it.

    `received`: address of the stack's `pjsip_rx_data`. Raises AttributeError as above.
    """
    library = _library()
    if dialog := library.pjsip_rdata_get_dlg(received):
        with header_list(headers) as listed:
            library.pjsip_dlg_respond(dialog, received, code, None, listed, None)


def exists(call_id: str, local_tag: str, remote_tag: str) -> bool:
    """Raises AttributeError as above."""
    return find(call_id, local_tag, remote_tag) != 0


def find(call_id: str, local_tag: str, remote_tag: str) -> int:
    """The stack's handle of a dialog; 0 when there is none. Raises AttributeError as above."""
    names = (call_id, local_tag, remote_tag)
    kept = [ctypes.create_string_buffer(name.encode()) for name in names]
    strings = [String.of(name) for name in kept]
    return _library().pjsip_ua_find_dialog(*map(ctypes.byref, strings), 0) or 0


def tag_of(header: str) -> str:
    """Tag of a From or To header; empty when it has none."""
    found = _TAG.search(header)
    return found[1] if found else ""


def of_message(message: Message, *, ours: str) -> int:
    """The stack's handle of the dialog that a message is of; 0 when there is none.

    `ours`: the header that has our tag, `from` or `to`.
    """
    theirs = "to" if ours == "from" else "from"
    headers = message.headers
    local, remote = (tag_of(headers.get(name, "")) for name in (ours, theirs))
    return find(headers.get("call-id", ""), local, remote)


def lead(dialog: int, to: str) -> bool:
    """Send its requests to the SIP URI `to`, whatever address the far side has in its Contact; the
    far side is not told of it (`hide`, a parameter of the stack's own). False: not done."""
    with header_list((("Route", f"<{to};lr;hide>"),)) as listed:
        if listed is None:
            return False
        return _library().pjsip_dlg_set_route_set(dialog, listed) == 0
