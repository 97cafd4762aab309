"""Real gateways and real connections on loopback, on a clock that nobody waits for.

Loopback delivers before `sendto` returns: when no socket has anything to read, nothing can happen
before the next timer, so the clock goes there at once. What takes a minute on a slow path takes as
long as the computation needs, and is the same on a busy machine.
"""

import asyncio
import selectors
import socket
from collections.abc import Coroutine
from typing import Any
from unittest.mock import patch

START = 1000.0
MOMENT = 1e-6
"""What a turn of the loop takes: more than rounding errors, less than any time that matters."""


class _Selector(selectors.DefaultSelector):
    """Never sleeps."""

    skip = staticmethod(lambda secs: None)

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if ready or timeout == 0:
            self.skip(MOMENT)
            return ready
        if timeout is None:
            return super().select(None)
        self.skip(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._at = START
        selector = _Selector()
        selector.skip = self._skip
        super().__init__(selector)

    def _skip(self, secs: float) -> None:
        self._at += secs

    def time(self) -> float:
        return self._at

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        return socket.getaddrinfo(host, port, **options)

    def stall(self, secs: float) -> None:
        """The process gets no CPU for so long."""
        self._at += secs


def simulate(story: Coroutine[Any, Any, None], secs: float = 300) -> None:
    """Run it to its end, which must come within so many seconds of the virtual clock."""
    # The kernel notes when packets came by a clock that is not this one.
    unknown = patch("bridge.wire.age.MAX_AGE_SECS", 0.0)
    with unknown, asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(asyncio.wait_for(story, secs))
