"""Answers begun while the caller may still go on: when, to which words, and which one counts."""

import asyncio
from collections.abc import Callable

from bridge.backends.cascade.draft import Draft
from bridge.backends.cascade.hearing import Hearing
from bridge.backends.cascade.interface import StageFailed
from bridge.backends.cascade.shared import CascadeStats

MAX_DRAFTS = 4
"""Answers begun in one turn before it is final; each may cost a model's time."""


class Drafting:
    """Of the open turn."""

    def __init__(
        self, hearing: Hearing, answered: Callable[[str], Draft], stats: CascadeStats
    ) -> None:
        """`answered` begins the answer to words of the caller."""
        self._hearing = hearing
        self._answered = answered
        self._stats = stats
        self._asking: asyncio.Task[str] | None = None
        """Recognises the turn so far; its answer is begun when it is done."""
        self._draft: Draft | None = None
        self._words = ""
        """That it answers."""
        self._begun = 0

    async def begin(self) -> None:
        """A turn begins."""
        await self.close()
        self._begun = 0

    def pause(self) -> None:
        """The caller pauses: recognise what was said, and begin to answer it."""
        if self._begun >= MAX_DRAFTS:
            return
        self.stop_asking()  # more was said than it knows of
        self._asking = asyncio.create_task(self._begin_early())
        self._asking.add_done_callback(_seen)

    def stop_asking(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    async def words(self) -> str:
        """What was said in a turn that is over: the recognition of the pause that was its end,
        unless more was said after it. Raises StageFailed."""
        asking, self._asking = self._asking, None
        if asking is not None and not self._hearing.speaking:
            try:
                return await asking
            except StageFailed:
                pass  # it is asked once more
        elif asking is not None:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        return await self._hearing.text()

    async def take(self, words: str) -> Draft | None:
        """The draft, if it answers these words; otherwise it is thrown away."""
        draft, self._draft = self._draft, None
        if draft is None:
            return None
        if self._words == words:
            self._stats.drafts_used += 1
            return draft
        await draft.cancel()
        return None

    async def drop(self) -> None:
        """What was begun is wrong now."""
        draft, self._draft = self._draft, None
        if draft is not None:
            await draft.cancel()

    async def close(self) -> None:
        self.stop_asking()
        await self.drop()

    async def _begin_early(self) -> str:
        words = await self._hearing.text()
        if words and (self._draft is None or self._words != words):
            await self.drop()
            self._begun += 1
            self._stats.drafts += 1
            self._draft, self._words = self._answered(words), words
        return words


def _seen(task: asyncio.Task[str]) -> None:
    """What goes wrong in a recognition that was begun early is of no interest: another follows."""
    if not task.cancelled():
        task.exception()
