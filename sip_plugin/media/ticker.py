"""A timer that fires on an absolute grid: the kernel's own where there is one.

The timers of uvloop are whole milliseconds counted from the start of the loop's round, and fire a
millisecond late at the median; a Linux timerfd is on time to some 50 µs. It is set once and fires
for ever, so that a late callback delays none after it. Python has it from 3.13 on (`os`).
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
    """Calls `on_tick()` soon after each `origin + k * secs` of time.monotonic(), k from 1.

    Ticks that have passed by while the process stood still come as one.
    """

    def __init__(self, origin: float, secs: float, on_tick: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._origin, self._secs, self._on_tick = origin, secs, on_tick
        self._timer: asyncio.TimerHandle | None = None
        self._fd = _kernel_timer(origin + secs, secs)
        if self._fd is None:
            self._arm()
        else:
            self._loop.add_reader(self._fd, self._fired)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._fd is not None:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = None

    def _fired(self) -> None:
        assert self._fd is not None
        with contextlib.suppress(BlockingIOError):
            os.read(self._fd, 8)
        self._on_tick()

    def _arm(self) -> None:
        now = time.monotonic()
        due = self._origin + (int((now - self._origin) / self._secs) + 1) * self._secs
        self._timer = self._loop.call_later(max(due - now, TIMER_SECS), self._woken)

    def _woken(self) -> None:
        self._on_tick()
        self._arm()


class _Spec(ctypes.Structure):
    """struct itimerspec."""

    _fields_ = [
        ("interval_secs", ctypes.c_long),
        ("interval_nsecs", ctypes.c_long),
        ("first_secs", ctypes.c_long),
        ("first_nsecs", ctypes.c_long),
    ]


def _kernel_timer(first: float, secs: float) -> int | None:
    """A file descriptor that is readable from `first` (time.monotonic()) on, again each `secs`;
    None where the system has no such thing."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        create, settime = libc.timerfd_create, libc.timerfd_settime
    except (OSError, AttributeError):
        return None
    fd = create(_MONOTONIC, _NONBLOCK_CLOEXEC)
    if fd < 0:
        return None
    nanos = 1_000_000_000
    spec = _Spec(*divmod(round(secs * nanos), nanos), *divmod(round(first * nanos), nanos))
    if settime(fd, _ABSOLUTE, ctypes.byref(spec), None) < 0:
        os.close(fd)
        return None
    return fd
