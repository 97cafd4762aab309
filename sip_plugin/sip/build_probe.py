"""Tries out the pjsua2 of this environment: `python -m sip_plugin.sip.build_probe`.

Prints what it found, a JSON object a line, and may be ended by the library at any of them: a
stock build aborts at the account that is one too many. `sip_plugin.sip.build` reads it.
"""

import ctypes
import gc
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

MOST = 1_000_000
MOST_ACCOUNTS = 256
"""A build with room for more is told as one with so many."""
_SHA256 = 2
"""`PJSIP_AUTH_ALGORITHM_SHA256` (pjsip/sip_auth.h)."""


def tell(**found: Any) -> None:
    print(json.dumps(found), flush=True)


def main() -> None:
    import pjsua2 as pj

    path = Path(str(importlib.import_module("pjsua2._pjsua2").__file__))
    library = ctypes.CDLL(str(path))
    # The import of the C library's function that a failed assertion calls.
    tell(path=str(path), assertions=b"\0__assert_fail\0" in path.read_bytes())
    tell(openssl=_openssl(library))
    library.pj_log_set_level(0)
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    tell(pjproject=endpoint.libVersion().full)
    config = pj.EpConfig()
    config.uaConfig.maxCalls = MOST
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.medConfig.hasIoqueue = False
    config.medConfig.threadCnt = 0
    config.logConfig.level = config.logConfig.consoleLevel = 0
    endpoint.libInit(config)
    tell(calls=int(library.pjsua_call_get_max_count()))
    tell(digest_sha256=_knows_sha256(library))
    tell(srtp_suites=[suite for suite in endpoint.srtpCryptoEnum() if suite != "NULL"])
    tell(codecs=sorted("/".join(c.codecId.split("/")[:2]) for c in endpoint.codecEnum2()))
    endpoint.libStart()
    tell(udp=_opens(pj, endpoint, pj.PJSIP_TRANSPORT_UDP))
    tell(tls=_opens(pj, endpoint, pj.PJSIP_TRANSPORT_TLS))
    _count_accounts(pj)
    tell(ipv6=_opens(pj, endpoint, pj.PJSIP_TRANSPORT_UDP6) and _has_ipv6(pj))
    # Not libDestroy: what there was to find is told, and it may abort.
    os._exit(0)


def _opens(pj: Any, endpoint: Any, kind: int) -> bool:
    config = pj.TransportConfig()
    config.boundAddress = "::1" if kind == pj.PJSIP_TRANSPORT_UDP6 else "127.0.0.1"
    try:
        endpoint.transportCreate(kind, config)
    except pj.Error:
        return False
    return True


def _has_ipv6(pj: Any) -> bool:
    """Where assertions are compiled in this may be the end: it is asked last."""
    config = pj.AccountConfig()
    config.idUri = "sip:probe@[::1]"
    config.sipConfig.ipv6Use = pj.PJSUA_IPV6_ENABLED_USE_IPV6_ONLY
    try:
        pj.Account().create(config)
    except pj.Error:
        return False
    return True


def _openssl(library: ctypes.CDLL) -> str:
    """The version of the OpenSSL that is linked; empty when there is none."""
    for name in ("OpenSSL_version", "SSLeay_version"):
        if function := getattr(library, name, None):
            function.restype = ctypes.c_char_p
            return str(function(0).decode(errors="replace"))
    return ""


def _knows_sha256(library: ctypes.CDLL) -> bool:
    """Digest with SHA-256 (RFC 8760)."""
    function = getattr(library, "pjsip_auth_is_algorithm_supported", None)
    return bool(function(_SHA256)) if function else False


def _count_accounts(pj: Any) -> None:
    """Tells the number after each; the last one told is the limit."""
    accounts = []
    for number in range(MOST_ACCOUNTS):
        config = pj.AccountConfig()
        config.idUri = f"sip:probe{number}@127.0.0.1"
        config.regConfig.registerOnAdd = False
        account = pj.Account()
        try:
            account.create(config)
        except pj.Error:
            break
        accounts.append(account)
        tell(accounts=len(accounts))
    for account in accounts:
        account.shutdown()


if __name__ == "__main__":
    gc.disable()
    sys.exit(main())
