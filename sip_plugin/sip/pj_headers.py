"""Headers for a message that the SIP stack sends."""

from collections.abc import Sequence

import pjsua2 as pj

from sip_plugin.sip.message import printable


def headers_option(headers: Sequence[tuple[str, str]]) -> pj.SipTxOption:
    option = pj.SipTxOption()
    for name, value in headers:
        header = pj.SipHeader()
        header.hName, header.hValue = name, printable(value)
        option.headers.append(header)
    return option
