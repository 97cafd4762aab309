"""Twenty-millisecond ticks that all speaking agents share, so that their frames leave together."""

import asyncio

from bridge.audio.frames import FRAME_MS

FRAME_SECS = FRAME_MS / 1000


class SpeechClock:
    """Wakes everyone who waits at each tick; runs only while somebody waits."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiters: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None

    async def until(self, at: float) -> None:
        """Sleep until the last tick that is not after `at` (event loop time): a little early
        rather than late, never more than a frame."""
        while self._loop.time() < at - FRAME_SECS:
            await self.tick()

    async def tick(self) -> None:
        """Sleep until the next tick."""
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        if self._timer is None:
            due = (self._loop.time() // FRAME_SECS + 1) * FRAME_SECS
            self._timer = self._loop.call_at(due, self._fire)
        await waiter

    def _fire(self) -> None:
        self._timer = None
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
