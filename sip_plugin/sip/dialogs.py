"""Dialogs of the SIP stack, which its Python binding does not show, by its C symbols."""

import ctypes
import importlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache

from sip_plugin.sip.message import Message
from sip_plugin.sip.stack_module import String

_POOL_BYTES = 1024
_TAG = re.compile(r";\s*tag\s*=\s*([^;,>\s]{1,128})", re.IGNORECASE)


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    """Raises AttributeError when this build hides what is needed."""
    library = ctypes.CDLL(importlib.import_module("pjsua2._pjsua2").__file__)
    library.pjsua_pool_create.restype = ctypes.c_void_p
    library.pjsua_pool_create.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t]
    library.pj_pool_release.restype = None
    library.pj_pool_release.argtypes = [ctypes.c_void_p]
    library.pjsip_ua_find_dialog.restype = ctypes.c_void_p
    library.pjsip_ua_find_dialog.argtypes = [*[ctypes.POINTER(String)] * 3, ctypes.c_int]
    library.pjsip_parse_hdr.restype = ctypes.c_void_p
    library.pjsip_parse_hdr.argtypes = [
        *(ctypes.c_void_p, ctypes.POINTER(String), ctypes.c_char_p, ctypes.c_size_t),
        ctypes.POINTER(ctypes.c_int),
    ]
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
        with _header_list(headers) as listed:
            library.pjsip_dlg_respond(dialog, received, code, None, listed, None)


@contextmanager
def _header_list(headers: Sequence[tuple[str, str]]) -> Iterator[int | None]:
    """Address of the stack's list of these headers, which it copies what it needs of; None when
    there are none, or they cannot be made."""
    library = _library()
    pool = library.pjsua_pool_create(b"headers", _POOL_BYTES, _POOL_BYTES) if headers else None
    if not pool:
        yield None
        return
    # Of a list's head only the two pointers that every element begins with count.
    head = (ctypes.c_void_p * 2)()
    last = head[0] = head[1] = ctypes.addressof(head)
    kept = []
    try:
        for name, value in headers:
            # The header's texts stay where they are: in these.
            kept += [ctypes.create_string_buffer(text.encode()) for text in (name, value)]
            named = String(ctypes.cast(kept[-2], ctypes.c_void_p), len(kept[-2].value))
            size = len(kept[-1].value)
            header = library.pjsip_parse_hdr(pool, ctypes.byref(named), kept[-1], size, None)
            if not header:
                yield None
                return
            links = (ctypes.c_void_p * 2).from_address(header)
            links[0], links[1] = last, ctypes.addressof(head)
            (ctypes.c_void_p * 2).from_address(last)[1] = header
            last = head[0] = header
        yield ctypes.addressof(head)
    finally:
        library.pj_pool_release(pool)


def exists(call_id: str, local_tag: str, remote_tag: str) -> bool:
    """Raises AttributeError as above."""
    return find(call_id, local_tag, remote_tag) != 0


def find(call_id: str, local_tag: str, remote_tag: str) -> int:
    """The stack's handle of a dialog; 0 when there is none. Raises AttributeError as above."""
    names = (call_id, local_tag, remote_tag)
    kept = [ctypes.create_string_buffer(name.encode()) for name in names]
    strings = [String(ctypes.cast(name, ctypes.c_void_p), len(name.value)) for name in kept]
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
    with _header_list((("Route", f"<{to};lr;hide>"),)) as listed:
        if listed is None:
            return False
        return _library().pjsip_dlg_set_route_set(dialog, listed) == 0
