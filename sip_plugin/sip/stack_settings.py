"""Settings of the SIP stack that its Python binding does not show, by its C symbols.

Each is checked before it is used: a build without the symbol, or with another layout of its
table, keeps its defaults.
"""

import ctypes
import importlib
import logging

log = logging.getLogger(__name__)

# Where `pjsip_cfg_t` (pjsip/sip_config.h) has what, counted in ints.
_DISABLE_TCP_SWITCH = 4
_TIMERS_AT = 14
_TIMERS_MS = [500, 4000, 5000]
"""T1, T2 and T4 (RFC 3261 appendix A): their defaults tell that the layout is the known one."""
_TIMEOUT_AT = 17

SILENCE_MS = 10_000
"""A far side that answers none of a request's transmissions for so long is gone.

RFC 3261 waits 32 s (64 x T1), in which a call that nobody acknowledged would keep its place.
"""


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(importlib.import_module("pjsua2._pjsua2").__file__)


def quieten() -> None:
    """Keep the stack from printing to standard output before its log is configured."""
    try:
        _library().pj_log_set_level(ctypes.c_int(0))
    except AttributeError:
        log.debug("this build of the SIP stack hides pj_log_set_level")


def tune() -> bool:
    """Before the stack is created: stay on UDP, and give up on a silent far side in time.

    Requests above 1300 bytes would try TCP first (RFC 3261 section 18.1.1), which many a trunk
    does not have. False: this build's settings are not known, its defaults stay.
    """
    try:
        table = (ctypes.c_int * (_TIMEOUT_AT + 1)).in_dll(_library(), "pjsip_sip_cfg_var")
    except ValueError:
        table = None
    if table is None or list(table[_TIMERS_AT:_TIMEOUT_AT]) != _TIMERS_MS:
        log.warning("this build of the SIP stack keeps its own timers and tries TCP at times")
        return False
    table[_DISABLE_TCP_SWITCH] = 1
    table[_TIMEOUT_AT] = SILENCE_MS
    return True


ANY_CALLS = 1_000_000
"""Asked for where the build's own limit is wanted: the stack clips it."""
_STOCK_CALLS = 4
"""Taken for the limit of a build that does not tell its own."""


def most_calls(asked: int) -> int:
    """How many of `asked` calls the running stack has room for; asked 0: all of its room."""
    try:
        limit = int(_library().pjsua_call_get_max_count())
    except AttributeError:
        limit = 0
    return min(asked or ANY_CALLS, limit if limit > 0 else _STOCK_CALLS)
