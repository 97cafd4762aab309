"""A reply of which the plugin has as much as it may have."""

import asyncio

import numpy as np

from bridge.gateway.agent import AgentCall
from bridge.gateway.connection import GatewayLink
from bridge.gateway.events import Committed
from bridge.wire.limits import MAX_AHEAD_SECS
from tests.leg.network import Phone, connection, place
from tests.leg.virtual import simulate

RATE_HZ = 8000
TICK = np.ones(RATE_HZ // 50, np.int16)


async def asked_to_speak(where, line) -> Phone:
    phone = await Phone(line, where.agent("long-winded", output_rate_hz=RATE_HZ)).opened()
    phone.call.answered()
    phone.call.commit(1, -1)
    return phone


def test_it_goes_on_without_more_and_more_timers(monkeypatch):
    touched = []
    touch = GatewayLink.touched
    monkeypatch.setattr(
        GatewayLink, "touched", lambda link, call: (touched.append(call), touch(link, call))
    )

    async def long_winded(call: AgentCall) -> None:
        async for event in call:
            if isinstance(event, Committed):
                while await call.send(TICK, event.turn):
                    pass

    async def story():
        async with place({"long-winded": long_winded}) as where, connection(where) as line:
            phone = await asked_to_speak(where, line)
            await asyncio.sleep(10)
            touched.clear()
            had = len(phone.heard(1))
            await asyncio.sleep(10)
            assert len(touched) <= 11
            assert 8 * RATE_HZ < len(phone.heard(1)) - had < 12 * RATE_HZ
            phone.call.cancel(1, 0)
            await asyncio.sleep(0.1)

    simulate(story())


def test_the_next_commit_ends_it_and_the_agent_learns_of_that():
    async def long_winded(call: AgentCall) -> None:
        async for event in call:
            if isinstance(event, Committed):
                secs = 2 * MAX_AHEAD_SECS if event.turn == 1 else 0.4
                await call.send(np.full(int(secs * RATE_HZ), event.turn, np.int16), event.turn)
                await call.end(event.turn)

    async def story():
        async with place({"long-winded": long_winded}) as where, connection(where) as line:
            phone = await asked_to_speak(where, line)
            await asyncio.sleep(3)
            phone.call.commit(2, -1)
            assert len(await phone.reply_to(2)) == 0.4 * RATE_HZ

    simulate(story())
