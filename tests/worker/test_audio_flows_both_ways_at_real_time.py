"""One packet out each 20 ms and one frame up each 20 ms, on one clock, whether spoken or silent."""

import time

from bridge.gateway.agent import AgentCall
from bridge.gateway.events import Answered, CallerAudio
from tests.worker.line import Line, until

arrived: list[int] = []


async def count(call: AgentCall) -> None:
    async for event in call:
        if isinstance(event, Answered):
            arrived.clear()
        if isinstance(event, CallerAudio):
            assert event.missing == 0
            arrived.append(event.seq)


def test_a_phone_that_says_nothing_is_still_heard_as_silence_at_1x(on_stage):
    async def story(host, _gateway):
        line = Line()
        began = time.monotonic()
        line.phone.remote_port = await host.open("mute", line.phone.port)
        await until(lambda: len(arrived) >= 100, "two seconds of silence to go up")
        elapsed = time.monotonic() - began
        assert arrived == list(range(len(arrived)))
        assert len(arrived) * 0.020 <= elapsed + 0.1

    on_stage(count, story)


def test_packets_to_the_phone_never_run_ahead_of_real_time(on_stage):
    async def story(host, _gateway):
        line = Line()
        line.phone.remote_port = await host.open("talk", line.phone.port)
        await line.talk(2.0)
        await until(lambda: len(line.heard) > 100, "two seconds of packets")
        first, last = line.heard[0][0], line.heard[-1][0]
        assert (len(line.heard) - 1) * 0.020 <= last - first + 0.2

    on_stage(count, story)
