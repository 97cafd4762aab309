"""GOAWAY: what a plugin, and a gateway behind a relay, do when the other side is about to end."""

import asyncio
import socket

import pytest

from bridge.leg.dial import CONNECT_TIMEOUT
from bridge.leg.endpoints import Endpoints
from bridge.leg.interface import CallFacts, LegFailed, Opened
from tests.leg.network import Phone, connection, place, speech, talks
from tests.leg.virtual import simulate


class Worker:
    """A worker's endpoints, that a `Phone` takes for a line."""

    _protocol = None

    def __init__(self) -> None:
        self.endpoints = Endpoints()
        self.endpoints._clock = asyncio.get_running_loop().time

    def open_call(self, facts: CallFacts, agent, on_event):
        return self.endpoints.open_call(facts, agent, on_event)

    def flush(self) -> None:
        self.endpoints.flush()


def code_of(phone: Phone) -> str:
    return next((e.code for e in phone.events if isinstance(e, LegFailed)), "")


def test_running_calls_go_on_and_new_ones_are_refused_at_once():
    async def story():
        async with place(drain_secs=30) as where, connection(where) as line:
            running = await talks(line, where.agent())
            draining = asyncio.create_task(where.gateway.drain())
            await asyncio.sleep(1)
            refused = await Phone(line, where.agent()).failed()
            assert refused.code == "shutting_down"
            running.call.commit(2, running.say(speech(0.5)))
            assert len(await running.reply_to(2)) > 0
            assert not draining.done()
            running.call.close("")
            line.flush()
            await asyncio.wait_for(draining, 1)

    simulate(story())


def test_a_call_that_does_not_end_in_time_is_ended():
    async def story():
        async with place(drain_secs=5) as where, connection(where) as line:
            phone = await talks(line, where.agent())
            begun = asyncio.get_running_loop().time()
            await where.gateway.drain()
            assert 4.9 < asyncio.get_running_loop().time() - begun < 5.3
            assert not code_of(phone)
            await where.gateway.close()
            assert (await phone.failed()).code in ("shutting_down", "connection_lost")

    simulate(story())


def test_new_calls_go_to_another_gateway_and_running_ones_stay():
    async def story():
        async with place(drain_secs=60) as old, place() as new:
            worker = Worker()
            weights = {old.endpoint: 1, new.endpoint: 0}
            tls = {"verify": False}
            agent = old.agent(endpoint="", endpoints=weights, tls=tls)
            running = await Phone(worker, agent).opened()
            running.call.answered()
            assert len(old.gateway.sids) == 1
            draining = asyncio.create_task(old.gateway.drain())
            await asyncio.sleep(2)
            phones = [await Phone(worker, agent).opened() for _ in range(3)]
            assert len(new.gateway.sids) == 3
            assert len(old.gateway.sids) == 1
            running.call.commit(1, running.say(speech(0.5)))
            assert len(await running.reply_to(1)) > 0
            for phone in [running, *phones]:
                phone.call.close("")
            worker.flush()
            await draining
            await asyncio.sleep(0.5)
            worker.flush()
            await asyncio.sleep(0.5)
            assert not worker.endpoints._leaving
            await worker.endpoints.close()

    simulate(story())


@pytest.mark.parametrize(
    "uri", ["there", "nowhere", "moqt://127.0.0.1:1/", "rubbish", f"quic://{'a' * 64}:1"]
)
def test_new_calls_go_where_the_gateway_says(uri):
    async def story():
        async with place() as old, place() as new:
            worker = Worker()
            agent = old.agent(tls={"verify": False})
            running = await Phone(worker, agent).opened()
            (link,) = old.gateway.links
            where = {"there": new.endpoint, "nowhere": "quic://127.0.0.1:9"}.get(uri, uri)
            link.protocol.session.goaway(10_000, where)
            link.protocol.transmit_soon()
            await asyncio.sleep(2)
            later = await Phone(worker, agent).opened()
            assert len(new.gateway.sids) == (uri == "there")
            assert len(old.gateway.sids) == 2 - (uri == "there")
            for phone in (running, later):
                assert not code_of(phone)
                assert sum(isinstance(e, Opened) for e in phone.events) == 1
            await worker.endpoints.close()

    simulate(story())


def test_a_call_that_begins_as_a_relay_ends_stays_with_those_that_cannot_leave():
    async def story():
        async with place(resume_secs=0) as where:
            relay = where.endpoint.replace("quic://", "moqt://") + "/"
            async with connection(where, endpoint=relay) as line:
                running = await talks(line, where.agent())
                line._on_going_away("", 0)
                later = await Phone(line, where.agent()).opened()
                for phone in (running, later):
                    assert not code_of(phone)
                assert line.reconnects == 0

    simulate(story())


def test_a_relay_that_ends_before_there_is_another_leaves_one_connection():
    async def story():
        nobody = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        nobody.bind(("127.0.0.1", 0))
        async with place() as where:
            relay = where.endpoint.replace("quic://", "moqt://") + "/"
            async with connection(where, endpoint=relay) as line:
                running = await talks(line, where.agent())
                line._on_going_away(f"moqt://127.0.0.1:{nobody.getsockname()[1]}/", 0)
                line._protocol.close()
                await asyncio.sleep(CONNECT_TIMEOUT + 1)
                assert len(where.gateway.protocols) == 1
                running.call.commit(2, running.say(speech(0.5)))
                assert len(await running.reply_to(2)) > 0
        nobody.close()

    simulate(story())


def test_a_gateway_that_is_back_is_not_left_for_what_it_said_before():
    async def story():
        async with place() as where:
            worker = Worker()
            agent = where.agent(tls={"verify": False})
            worker.endpoints.connect(agent)
            (line,) = worker.endpoints._connections.values()
            await asyncio.sleep(2)
            (link,) = where.gateway.links
            link.protocol.session.goaway(1000)
            link.protocol.transmit()
            await asyncio.sleep(1)
            link.protocol.close()
            await asyncio.sleep(2)
            assert line.reconnects == 1 and line.connected
            await Phone(worker, agent).opened()
            assert [*worker.endpoints._connections.values()] == [line]
            await worker.endpoints.close()

    simulate(story())
