"""A string of the SIP stack (`pj_str_t`, pj/types.h)."""

import ctypes


class String(ctypes.Structure):
    _fields_ = (("ptr", ctypes.c_void_p), ("slen", ctypes.c_ssize_t))

    @property
    def text(self) -> str:
        if not self.ptr or self.slen <= 0:
            return ""
        return ctypes.string_at(self.ptr, self.slen).decode(errors="replace")

    @classmethod
    def of(cls, buffer: "ctypes.Array[ctypes.c_char]") -> "String":
        """What stands in a buffer, which must outlive it."""
        return cls(ctypes.cast(buffer, ctypes.c_void_p), len(buffer.value))
