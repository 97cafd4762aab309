import asyncio
import contextlib
import socket

from aioquic.quic.connection import QuicConnection

from bridge.gateway import server
from bridge.gateway.server import MAX_UNPROVEN
from bridge.wire import sockets
from tests.leg.network import connection, place, talks
from tests.leg.virtual import simulate


@contextlib.contextmanager
def rush(where):
    """As many as it takes begin a handshake, and go no further: their addresses may be made up."""
    with contextlib.ExitStack() as opened:
        for _ in range(MAX_UNPROVEN):
            stranger = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            client = QuicConnection(
                configuration=sockets.configuration(is_client=True, packet_bytes=1200)
            )
            client.connect(where.gateway.address, now=0.0)
            for packet, _ in client.datagrams_to_send(now=0.0):
                stranger.sendto(packet, where.gateway.address)
        yield


async def shaking(where, number: int) -> None:
    async with asyncio.timeout(120):
        while len(where.gateway.protocols) != number:
            await asyncio.sleep(0.01)


def test_a_retry_is_asked_for_and_given():
    async def story():
        async with place() as where:
            with rush(where):
                await shaking(where, MAX_UNPROVEN)
                async with connection(where) as line:
                    await talks(line, where.agent())
                    assert line._protocol._quic._retry_count == 1

    simulate(story())


def test_in_quiet_times_nobody_is_asked():
    async def story():
        async with place() as where:
            with rush(where):
                await shaking(where, MAX_UNPROVEN)
                await shaking(where, 0)
            async with connection(where) as line:
                await talks(line, where.agent())
                assert line._protocol._quic._retry_count == 0

    simulate(story())


def test_a_token_is_honoured_when_the_rush_is_over(monkeypatch):
    monkeypatch.setattr(server, "MAX_UNPROVEN", 0)

    async def story():
        async with place() as where:
            asked = where.gateway._server._retries.create_token

            def create_token(**facts):
                monkeypatch.setattr(server, "MAX_UNPROVEN", 16)
                return asked(**facts)

            where.gateway._server._retries.create_token = create_token
            async with connection(where) as line:
                await talks(line, where.agent())
                assert line._protocol._quic._retry_count == 1

    simulate(story())
