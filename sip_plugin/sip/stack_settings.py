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
_TIMERS_MS = [500, 4000, 5000, 32000]
"""T1, T2, T4 and timer D: their known defaults tell that the layout is the one we know."""


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(importlib.import_module("pjsua2._pjsua2").__file__)


def quieten() -> None:
    """Keep the stack from printing to standard output before its log is configured."""
    try:
        _library().pj_log_set_level(ctypes.c_int(0))
    except AttributeError:
        log.debug("this build of the SIP stack hides pj_log_set_level")


def stay_on_udp() -> bool:
    """Send requests above 1300 bytes by UDP too: a trunk that has no TCP would never see them.

    False: not possible in this build; the stack then tries TCP first (RFC 3261 section 18.1.1).
    """
    try:
        table = (ctypes.c_int * 20).in_dll(_library(), "pjsip_sip_cfg_var")
    except ValueError:
        table = None
    if table is None or list(table[_TIMERS_AT : _TIMERS_AT + 4]) != _TIMERS_MS:
        log.warning("large SIP requests try TCP first: this build's settings are not known")
        return False
    table[_DISABLE_TCP_SWITCH] = 1
    return True


def most_calls(asked: int) -> int:
    """How many of `asked` calls the running stack has room for (4 in the stock wheel)."""
    try:
        limit = int(_library().pjsua_call_get_max_count())
    except AttributeError:
        return asked
    return min(asked, limit) if limit > 0 else asked
