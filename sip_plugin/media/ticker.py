"""A timer that fires on an absolute grid: the kernel's own where there is one.

The timers of uvloop are whole milliseconds counted from the start of the loop's round, and fire a
millisecond late at the median; a Linux timerfd is on time to some 50 µs. It goes on by itself, so
that a late callback delays none after it. Python has it from 3.13 on (`os`).
"""

import asyncio
import contextlib
import ctypes
import os
import time
from collections.abc import Callable

_MONOTONIC = 1
_NONBLOCK_CLOEXEC = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
_ABSOLUTE = 1
TIMER_SECS = 0.001
"""Resolution of the event loop's timers."""


class Ticker:
    """Calls `on_tick()` soon after the times that `tick` sets.

    Ticks that have passed by while the process stood still come as one.
    """

    def __init__(self, on_tick: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_tick = on_tick
        self._first, self._secs = float("inf"), 1.0
        self._timer: asyncio.TimerHandle | None = None
        self._kernel = _KernelTimer.make()
        if self._kernel is not None:
            self._loop.add_reader(self._kernel.fd, self._fired)

    def tick(self, first: float, secs: float) -> None:
        """At `first` of time.monotonic() and each `secs` after it, from now on."""
        self._first, self._secs = first, secs
        if self._kernel is not None:
            self._kernel.set(first, secs)
        else:
            self._arm()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._kernel is not None:
            self._loop.remove_reader(self._kernel.fd)
            os.close(self._kernel.fd)
            self._kernel = None

    def _fired(self) -> None:
        assert self._kernel is not None
        with contextlib.suppress(BlockingIOError):
            os.read(self._kernel.fd, 8)
        self._on_tick()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        now, due = time.monotonic(), self._first
        if due <= now:
            due += (int((now - due) / self._secs) + 1) * self._secs
        self._timer = self._loop.call_later(max(due - now, TIMER_SECS), self._woken)

    def _woken(self) -> None:
        self._arm()  # before the call, which may set it anew, or raise
        self._on_tick()


class _Spec(ctypes.Structure):
    """struct itimerspec."""

    _fields_ = [
        ("interval_secs", ctypes.c_long),
        ("interval_nsecs", ctypes.c_long),
        ("first_secs", ctypes.c_long),
        ("first_nsecs", ctypes.c_long),
    ]


class _KernelTimer:
    """A file descriptor that is readable at the times that were set."""

    def __init__(self, fd: int, settime: Callable[..., int]) -> None:
        self.fd = fd
        self._settime = settime

    @classmethod
    def make(cls) -> "_KernelTimer | None":
        """None where the system has no such thing."""
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            create, settime = libc.timerfd_create, libc.timerfd_settime
        except (OSError, AttributeError):
            return None
        fd = create(_MONOTONIC, _NONBLOCK_CLOEXEC)
        return None if fd < 0 else cls(fd, settime)

    def set(self, first: float, secs: float) -> None:
        nanos = 1_000_000_000
        spec = _Spec(*divmod(round(secs * nanos), nanos), *divmod(round(first * nanos), nanos))
        if self._settime(self.fd, _ABSOLUTE, ctypes.byref(spec), None) < 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")
