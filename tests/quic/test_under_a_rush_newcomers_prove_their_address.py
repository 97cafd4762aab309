from bridge.gateway import server
from tests.leg.network import connection, place, talks
from tests.leg.virtual import simulate


def test_a_retry_is_asked_for_and_given(monkeypatch):
    monkeypatch.setattr(server, "MAX_UNPROVEN", 0)

    async def story():
        async with place() as where, connection(where) as line:
            await talks(line, where.agent())
            assert line._protocol._quic._retry_count == 1

    simulate(story())


def test_in_quiet_times_nobody_is_asked():
    async def story():
        async with place() as where, connection(where) as line:
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
