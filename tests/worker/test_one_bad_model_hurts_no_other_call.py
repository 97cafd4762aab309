"""Agents that flood, stall, die or hang up, beside one that works, in one worker."""

import asyncio

import numpy as np

from bridge.gateway.agent import AgentCall
from bridge.gateway.events import Answered
from sip_plugin.planes.messages import EndCall, ModelFailed
from tests.worker.line import Line, hum, until


async def flood(call: AgentCall) -> None:
    second = np.full(call.info.output_rate_hz, 9000, np.int16)
    async for event in call:
        if isinstance(event, Answered):
            while await call.send(second, 0):
                await asyncio.sleep(0)


async def stall(call: AgentCall) -> None:
    await asyncio.Event().wait()


async def die(call: AgentCall) -> None:
    await call.send(np.zeros(480, np.int16), 0)
    raise RuntimeError("an agent of the test that dies in mid-word")


async def hang_up(call: AgentCall) -> None:
    call.hangup("done")
    async for _ in call:
        pass


BEHAVIOURS = {"good": hum, "flood": flood, "stall": stall, "die": die, "hang-up": hang_up}


async def by_sid(call: AgentCall) -> None:
    await BEHAVIOURS[call.info.sid](call)


def test_each_bad_call_ends_or_is_bounded_and_the_good_one_goes_on(on_stage):
    async def story(host, _gateway):
        lines = {sid: Line() for sid in BEHAVIOURS}
        for sid, line in lines.items():
            line.phone.remote_port = await host.open(sid, line.phone.port)
        talking = [asyncio.create_task(line.talk(60)) for line in lines.values()]
        ended = lambda kind: {m.sid for m in host.told if isinstance(m, kind)}  # noqa: E731
        await until(lambda: "die" in ended(ModelFailed), "the dead model's call to be given up")
        await until(lambda: "hang-up" in ended(EndCall), "the hangup to be passed on")
        before = lines["good"].loud
        await until(lambda: lines["good"].loud > before + 50, "the good call to go on")
        for task in talking:
            task.cancel()
        assert ended(EndCall) == {"hang-up"}
        assert ended(ModelFailed) == {"die"}
        # The gateway made its agent wait: 110 s are ahead, and what was heard meanwhile.
        flood_report = await host.close("flood")
        assert 0 < flood_report["bridge"]["reply_frames"] < (110 + 60) * 50
        assert (await host.close("stall"))["bridge"]["reply_frames"] == 0

    on_stage(by_sid, story)
