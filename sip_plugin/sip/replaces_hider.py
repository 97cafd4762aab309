"""Keeps Replaces (RFC 3891) from the SIP stack, which would hand the media port of one call to
another by itself. The INVITE then comes as any other; what it is to replace, we look up."""

import ctypes

from sip_plugin.sip.raw_message import parsed
from sip_plugin.sip.stack_module import StackModule
from sip_plugin.sip.stack_string import String


class ReplacesHider(StackModule):
    """Where it cannot be installed the stack asks about Replaces, and is told to refuse it."""

    name = "replaces-hider"
    priority = 25
    otherwise = "INVITEs with Replaces are refused"

    def __init__(self) -> None:
        super().__init__()
        self._wanted = ctypes.create_string_buffer(b"Replaces")
        self._header = String.of(self._wanted)

    def prepare(self, library: ctypes.CDLL) -> None:
        library.pjsip_msg_find_hdr_by_name.restype = ctypes.c_void_p
        library.pjsip_msg_find_hdr_by_name.argtypes = [
            *(ctypes.c_void_p, ctypes.POINTER(String), ctypes.c_void_p),
        ]

    def on_request(self, received: int) -> bool:
        """Handles none."""
        info = self.info_at(received)
        if not info or b" INVITE/" not in ctypes.string_at(info):
            return False
        message = parsed(received, info)
        # As often as it stands there; that it stands there twice is seen in the text.
        for _ in range(16):
            found = self._library.pjsip_msg_find_hdr_by_name(
                message, ctypes.byref(self._header), None
            )
            if not found:
                break
            _unlink(found)
        return False


def _unlink(header: int) -> None:
    """Take an element out of its list: each begins with the previous and the next one."""
    links = (ctypes.c_void_p * 2).from_address(header)
    previous, following = links[0], links[1]
    (ctypes.c_void_p * 2).from_address(previous)[1] = following
    (ctypes.c_void_p * 2).from_address(following)[0] = previous
