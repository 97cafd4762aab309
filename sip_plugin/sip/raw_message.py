"""A message that the SIP stack has received, for modules that stand within it."""

import ctypes

import pjsua2 as pj

_READ = "_ZN2pj9SipRxData6fromPjER13pjsip_rx_data"
"""The binding's `SipRxData::fromPj`, which takes a message over into an object of Python's."""


_WORD = ctypes.sizeof(ctypes.c_void_p)


_info_at = 0
"""From the beginning of a `pjsip_rx_data` to `info`, the same in all of a build; 0: unknown."""


def parsed(received: int, info: int) -> int:
    """Address of the `pjsip_msg` that the stack has made of a message.

    `received`: of its `pjsip_rx_data` (sip_transport.h), where `msg` stands right before `info`;
    `info`: what `pjsip_rx_data_get_info` has just told, and noted there.
    """
    global _info_at
    if ctypes.c_void_p.from_address(received + _info_at).value != info:
        # Word by word only once: there are some hundreds of them.
        _info_at = 0
        while ctypes.c_void_p.from_address(received + _info_at).value != info:
            _info_at += _WORD
    message = ctypes.c_void_p.from_address(received + _info_at - _WORD).value
    assert message
    return message


class RawMessages:
    def __init__(self, library: ctypes.CDLL) -> None:
        """Raises AttributeError when this build hides what is needed."""
        self._take_over = getattr(library, _READ)
        self._take_over.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        self._take_over.restype = None

    def text(self, received: int) -> str:
        """`received`: address of the stack's `pjsip_rx_data`."""
        return str(self._copy(received).wholeMsg)

    def source_and_text(self, received: int) -> tuple[str, str]:
        """The address that it came from, without a port, and the text."""
        copy = self._copy(received)
        return str(copy.srcAddress).rpartition(":")[0].strip("[]"), str(copy.wholeMsg)

    def _copy(self, received: int) -> pj.SipRxData:
        copy = pj.SipRxData()
        self._take_over(int(copy.this), received)
        return copy
