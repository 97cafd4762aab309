import asyncio

import pytest

from sip_plugin.service.records import Record
from sip_plugin.service.watchers import MAX_WATCHERS, QUEUED_BYTES, TooManyWatchers, Watchers

KILOBYTE = b"x" * 1024


async def drain(watcher) -> list[Record]:
    records = []
    while (told := await watcher.next(1.0)) is not None:
        records.append(told)
    return records


def test_it_gets_what_was_queued_and_no_more():
    async def story():
        watchers = Watchers()
        slow = watchers.add()
        for _ in range(QUEUED_BYTES // 1024 + 500):
            watchers.publish([Record("a", KILOBYTE)])
        records = await drain(slow)
        assert slow.cut
        assert len(records) == QUEUED_BYTES // 1024

    asyncio.run(story())


def test_others_are_not_held_up_by_it():
    async def story():
        watchers = Watchers()
        slow, quick = watchers.add(), watchers.add()
        for n in range(2 * QUEUED_BYTES // 1024):
            watchers.publish([Record(str(n), KILOBYTE)])
            assert (await quick.next(1.0)).sid == str(n)
        assert slow.cut
        assert not quick.cut

    asyncio.run(story())


def test_a_watcher_of_one_call_hears_of_no_other():
    async def story():
        watchers = Watchers()
        one = watchers.add("a")
        watchers.publish([Record("b", b"b"), Record("a", b"a"), Record("", b"trunk")])
        watchers.close()
        assert await drain(one) == [Record("a", b"a")]

    asyncio.run(story())


def test_an_idle_stream_times_out_and_goes_on():
    async def story():
        watchers = Watchers()
        watcher = watchers.add()
        with pytest.raises(TimeoutError):
            await watcher.next(0.01)
        watchers.publish([Record("a", b"a")])
        assert (await watcher.next(1.0)).sid == "a"

    asyncio.run(story())


def test_places_for_watchers_are_bounded_and_come_back():
    async def story():
        watchers = Watchers()
        taken = [watchers.add() for _ in range(MAX_WATCHERS)]
        with pytest.raises(TooManyWatchers):
            watchers.add()
        watchers.remove(taken[0])
        watchers.add()

    asyncio.run(story())
