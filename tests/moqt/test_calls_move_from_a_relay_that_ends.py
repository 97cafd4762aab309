"""A relay of another make says GOAWAY: calls go on through the one that it names."""

import asyncio

import numpy as np
import pytest

from bridge.leg.interface import LegFailed, Noticed
from tests.leg.network import Phone, run, speech
from tests.leg.test_the_parrot_speaks_back_what_it_heard import best_match
from tests.moqt.test_calls_cross_a_relay_of_another_make import agent, behind, worker
from tests.peers.aiomoqt_peer import Relay


async def answers(phone: Phone, turn: int, said: np.ndarray) -> None:
    phone.call.commit(turn, phone.say(said))
    match, _ = best_match((await phone.reply_to(turn))[::3], said[::2])
    assert match > 0.9


@pytest.fixture
def pair_of_relays(ports, tmp_path):
    """The first one leads to the second when it ends."""
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    # The second one's port has to be known before the first starts.
    made = Relay(ports, folders[1])
    first = Relay(ports, folders[0], like=made, go_to=made.endpoint)
    yield first, made
    first.stop()
    made.stop()


def test_a_call_goes_on_through_the_relay_that_is_named(pair_of_relays):
    first, second = pair_of_relays

    async def story():
        async with behind(first, pace=0) as where, worker(first) as line:
            phone = await Phone(line, agent(first)).opened()
            phone.call.answered()
            said = speech(0.8)
            await answers(phone, 1, said)
            first.go_away()
            await phone.until(lambda: any(isinstance(e, Noticed) for e in phone.events))
            first.stop()
            await answers(phone, 2, said)
            later = await Phone(line, agent(first)).opened()
            later.call.answered()
            await answers(later, 1, said)
            assert where.gateway.relays[0]._dialer._at.uri == second.endpoint
            assert not any(isinstance(e, LegFailed) for e in phone.events)
            codes = [e.code for e in phone.events if isinstance(e, Noticed)]
            assert set(codes) == {"connection_resumed"}
            assert len(where.gateway.sids) == 2

    run(story())


def test_without_another_relay_calls_go_on_by_a_new_connection_to_the_same(relay):
    async def story():
        async with behind(relay, pace=0) as where, worker(relay) as line:
            phone = await Phone(line, agent(relay)).opened()
            phone.call.answered()
            said = speech(0.8)
            await answers(phone, 1, said)
            relay.go_away()
            await phone.until(lambda: any(isinstance(e, Noticed) for e in phone.events))
            await answers(phone, 2, said)
            await asyncio.sleep(1)
            assert not any(isinstance(e, LegFailed) for e in phone.events)
            assert len(where.gateway.sids) == 1

    run(story())
