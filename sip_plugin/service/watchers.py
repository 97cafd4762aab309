"""Hands records to whoever watches, none of whom may slow the others or grow a queue."""

import asyncio
from collections import deque
from collections.abc import Iterable

from sip_plugin.service.records import Record

QUEUED_BYTES = 1024 * 1024
"""What a reader may be behind; a reader further behind is cut."""
MAX_WATCHERS = 64


class TooManyWatchers(Exception):
    pass


class Watcher:
    """One reader of the stream, of one call when `sid` is given, else of everything."""

    def __init__(self, sid: str) -> None:
        self.sid = sid
        self.cut = False
        """It read too slowly: it gets what is queued, and no more."""
        self._ended = False
        self._queue: deque[Record] = deque()
        self._queued_bytes = 0
        self._stirred = asyncio.Event()

    @property
    def empty(self) -> bool:
        return not self._queue

    def push(self, told: Record) -> None:
        if self._ended or (self.sid and told.sid != self.sid):
            return
        if self._queued_bytes + len(told.line) > QUEUED_BYTES:
            self.cut = True
            self.end()
            return
        self._queue.append(told)
        self._queued_bytes += len(told.line)
        self._stirred.set()

    def end(self) -> None:
        """No more records will come."""
        self._ended = True
        self._stirred.set()

    async def next(self, timeout_secs: float) -> Record | None:
        """The next record; None at the end of the stream. Raises TimeoutError."""
        while not self._queue:
            if self._ended:
                return None
            self._stirred.clear()
            async with asyncio.timeout(timeout_secs):
                await self._stirred.wait()
        told = self._queue.popleft()
        self._queued_bytes -= len(told.line)
        return told


class Watchers:
    def __init__(self) -> None:
        self._watchers: set[Watcher] = set()
        self._closed = False

    @property
    def count(self) -> int:
        return len(self._watchers)

    def add(self, sid: str = "") -> Watcher:
        """Raises TooManyWatchers."""
        if len(self._watchers) >= MAX_WATCHERS:
            raise TooManyWatchers
        watcher = Watcher(sid)
        self._watchers.add(watcher)
        if self._closed:
            watcher.end()
        return watcher

    def remove(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)

    def publish(self, records: Iterable[Record]) -> None:
        for told in records:
            for watcher in self._watchers:
                watcher.push(told)

    def close(self) -> None:
        """The plugin ends: every stream ends after what is queued."""
        self._closed = True
        for watcher in self._watchers:
            watcher.end()
