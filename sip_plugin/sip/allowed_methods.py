"""The methods that we name in Allow: the SIP stack's own list without those that get 405 or 489.

A far side that finds MESSAGE or SUBSCRIBE there may well send it.
"""

import ctypes
import importlib
import logging

from sip_plugin.sip.stack_string import String

log = logging.getLogger(__name__)

_REFUSED = frozenset({"MESSAGE", "SUBSCRIBE", "PUBLISH"})
_ALLOW = 4
"""`PJSIP_H_ALLOW` (sip_msg.h)."""
_MOST = 32


class _List(ctypes.Structure):
    """`pjsip_generic_array_hdr`."""

    _fields_ = (
        ("prev", ctypes.c_void_p),
        ("next", ctypes.c_void_p),
        ("type", ctypes.c_int),
        ("name", String),
        ("short_name", String),
        ("functions", ctypes.c_void_p),
        ("count", ctypes.c_uint),
        ("values", String * _MOST),
    )


def leave_out_refused() -> bool:
    """Once the stack is initialised. False: this build keeps all."""
    library = ctypes.CDLL(importlib.import_module("pjsua2._pjsua2").__file__)
    try:
        library.pjsua_get_pjsip_endpt.restype = ctypes.c_void_p
        library.pjsip_endpt_get_capability.restype = ctypes.POINTER(_List)
        library.pjsip_endpt_get_capability.argtypes = [
            *(ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p),
        ]
        found = library.pjsip_endpt_get_capability(library.pjsua_get_pjsip_endpt(), _ALLOW, None)
    except AttributeError as error:
        log.debug("Allow names methods that are refused: %s", error)
        return False
    if not found or found.contents.name.text != "Allow" or found.contents.count > _MOST:
        log.debug("Allow names methods that are refused: the list is not the known one")
        return False
    allowed = found.contents
    kept = 0
    for place in range(allowed.count):
        value = allowed.values[place]
        if value.text not in _REFUSED:
            allowed.values[kept] = String(value.ptr, value.slen)
            kept += 1
    allowed.count = kept
    return True
