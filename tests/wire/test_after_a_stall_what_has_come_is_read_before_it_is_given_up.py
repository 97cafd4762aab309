"""The process gets no CPU for a while; a deadline passes meanwhile, and what was awaited comes."""

import asyncio
import socket
import time

import pytest
import uvloop

from bridge.wire.alarm import LATE, Alarm
from tests.leg.virtual import simulate


class Inbox(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.came: list[bytes] = []

    def datagram_received(self, data: bytes, addr) -> None:
        self.came.append(data)


class Waiting:
    """Something that waits for a while."""

    def __init__(self, deadline: float) -> None:
        self.deadline: float | None = deadline


@pytest.mark.parametrize("loops", [asyncio.SelectorEventLoop, uvloop.new_event_loop])
def test_all_of_it_is_there_when_the_deadline_is_looked_at(loops):
    async def story():
        loop = asyncio.get_running_loop()
        transport, inbox = await loop.create_datagram_endpoint(Inbox, local_addr=("127.0.0.1", 0))
        seen: list[int] = []

        def due(call: Waiting, now: float) -> None:
            call.deadline = None
            seen.append(len(inbox.came))

        alarm: Alarm[Waiting] = Alarm(due)
        alarm.watch(Waiting(loop.time() + 0.01))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for _ in range(40):
                sock.sendto(b"frame", transport.get_extra_info("sockname"))
            time.sleep(3 * LATE)  # what stalls is the loop's own thread
        async with asyncio.timeout(10):
            while not seen:
                await asyncio.sleep(0.005)
        assert seen == [40]
        alarm.close()
        transport.close()

    with asyncio.Runner(loop_factory=loops) as runner:
        runner.run(story())


def test_a_deadline_that_is_met_in_time_is_looked_at_at_once():
    async def story():
        loop = asyncio.get_running_loop()
        at, seen = loop.time() + 0.02, []

        def due(call: Waiting, now: float) -> None:
            call.deadline = None
            seen.append(now)

        alarm: Alarm[Waiting] = Alarm(due)
        alarm.watch(Waiting(at))
        await asyncio.sleep(0.05)
        assert at <= seen[0] < at + 0.001
        alarm.close()

    simulate(story())
