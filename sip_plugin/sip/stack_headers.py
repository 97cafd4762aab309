"""Lists of headers, as functions of the SIP stack take them."""

import ctypes
import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache

from sip_plugin.sip.stack_string import String

_POOL_BYTES = 1024
_Links = ctypes.c_void_p * 2
"""The previous and the next element, which every element of a list begins with (pj/list.h)."""


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    """Raises AttributeError when this build hides what is needed."""
    library = ctypes.CDLL(importlib.import_module("pjsua2._pjsua2").__file__)
    library.pjsua_pool_create.restype = ctypes.c_void_p
    library.pjsua_pool_create.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t]
    library.pj_pool_alloc.restype = ctypes.c_void_p
    library.pj_pool_alloc.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    library.pj_pool_release.restype = None
    library.pj_pool_release.argtypes = [ctypes.c_void_p]
    library.pjsip_parse_hdr.restype = ctypes.c_void_p
    library.pjsip_parse_hdr.argtypes = [
        *(ctypes.c_void_p, ctypes.POINTER(String), ctypes.c_char_p, ctypes.c_size_t),
        ctypes.POINTER(ctypes.c_int),
    ]
    return library


@contextmanager
def header_list(headers: Sequence[tuple[str, str]]) -> Iterator[int | None]:
    """Address of a list of these headers, of which the stack copies what it needs; None when there
    are none, or they cannot be made."""
    pool = _library().pjsua_pool_create(b"headers", _POOL_BYTES, _POOL_BYTES) if headers else None
    if not pool:
        yield None
        return
    try:
        # Their texts stay where they are: in these.
        kept = [[ctypes.create_string_buffer(text.encode()) for text in pair] for pair in headers]
        yield _listed(pool, kept)
    finally:
        _library().pj_pool_release(pool)


def _listed(pool: int, headers) -> int | None:
    head = last = _library().pj_pool_alloc(pool, ctypes.sizeof(_Links))
    _Links.from_address(head)[:] = head, head
    for name, value in headers:
        named = ctypes.byref(String.of(name))
        made = _library().pjsip_parse_hdr(pool, named, value, len(value.value), None)
        if not made:
            return None
        _Links.from_address(made)[:] = last, head
        _Links.from_address(last)[1] = _Links.from_address(head)[0] = made
        last = made
    return head
