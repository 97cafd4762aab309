"""A call begins in 0-RTT while the gateway is away: it waits for a handshake, and goes on."""

import asyncio

import pytest

from tests.leg.network import Phone, place, speech, talks
from tests.leg.path import lost, over_path
from tests.leg.virtual import simulate


@pytest.mark.parametrize("forgets", [False, True])
def test_it_is_opened_when_the_gateway_is_back(forgets):
    async def story():
        async with place(resume_secs=0) as where, over_path(where) as (path, line):
            await talks(line, where.agent())
            await lost(line, path)
            phone = Phone(line, where.agent())
            phone.call.answered()
            # Longer than a connection is given, less than the call.
            await asyncio.sleep(2.5)
            assert not phone.events
            if forgets:  # as one that was started anew has
                where.gateway._tickets.clear()
            path.cut = False
            await phone.opened()
            assert not line._protocol.early
            phone.call.commit(1, phone.say(speech(0.3)))
            assert len(await phone.reply_to(1)) > 0
            assert phone.call.core.sid in where.gateway.sids

    simulate(story())


def test_it_fails_when_nobody_answers_the_handshake_either():
    async def story():
        async with place(resume_secs=0) as where, over_path(where) as (path, line):
            await talks(line, where.agent())
            await lost(line, path)
            phone = Phone(line, where.agent(open_timeout_secs=30))
            assert (await phone.failed()).code == "connection_timeout"

    simulate(story())


def test_no_call_waits_longer_than_its_agent_lets_it():
    async def story():
        async with place(resume_secs=0) as where, over_path(where) as (path, line):
            await talks(line, where.agent())
            await lost(line, path)
            phone = Phone(line, where.agent(open_timeout_secs=3))
            began = asyncio.get_running_loop().time()
            assert (await phone.failed()).code == "open_timeout"
            assert asyncio.get_running_loop().time() - began < 3.1

    simulate(story())
