"""The text of a message that the SIP stack has received, for modules that stand within it."""

import ctypes

import pjsua2 as pj

_READ = "_ZN2pj9SipRxData6fromPjER13pjsip_rx_data"
"""The binding's `SipRxData::fromPj`, which takes a message over into an object of Python's."""


class RawMessages:
    def __init__(self, library: ctypes.CDLL) -> None:
        """Raises AttributeError when this build hides what is needed."""
        self._take_over = getattr(library, _READ)
        self._take_over.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        self._take_over.restype = None

    def text(self, received: int) -> str:
        """`received`: address of the stack's `pjsip_rx_data`."""
        copy = pj.SipRxData()
        self._take_over(int(copy.this), received)
        return str(copy.wholeMsg)
