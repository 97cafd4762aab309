"""What is to be done at a call's deadline raises; the other calls' deadlines are kept."""

import asyncio
import logging

import pytest

from bridge.wire.alarm import Alarm
from tests.leg.virtual import START, simulate


class Waiting:
    def __init__(self, deadline: float) -> None:
        self.deadline: float | None = deadline


@pytest.mark.parametrize("faulty_first", [True, False])
def test_the_others_are_due_at_their_time(faulty_first, caplog):
    due: list[tuple[Waiting, float]] = []
    faulty, sound = Waiting(START + (1.0 if faulty_first else 1.5)), Waiting(START + 1.2)

    async def story():
        def on_due(call: Waiting, now: float) -> None:
            due.append((call, now))
            if call is faulty:
                raise RuntimeError("of the test")
            call.deadline = None if now > START + 2 else now + 1

        alarm: Alarm[Waiting] = Alarm(on_due)
        alarm.watch(faulty)
        alarm.watch(sound)
        await asyncio.sleep(4.0)
        alarm.close()

    with caplog.at_level(logging.ERROR):
        simulate(story())
    assert [round(at - START, 1) for call, at in due if call is sound] == [1.2, 2.2]
    assert sum(call is faulty for call, _ in due) == 1, "its deadline has not moved"
    assert len(caplog.records) == 1
