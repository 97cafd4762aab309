import asyncio
from pathlib import Path

from sip_plugin.planes.link import connect
from sip_plugin.planes.messages import Hello, Ping, Pong
from sip_plugin.sip.plane_server import PlaneServer

PING_SECS = 0.05
PATIENCE = 4


async def worker(path: Path, name: str, answers: int) -> None:
    """Answers so many pings, then reads on and says nothing, until its link ends."""
    link = await connect(str(path))
    link.send(Hello(role="worker", name=name, pid=1))
    async for message in link:
        if isinstance(message, Ping) and message.n <= answers:
            link.send(Pong(n=message.n))
    link.close()


def test_it_leaves_and_one_that_answers_stays(tmp_path):
    async def story():
        joined, left = [], asyncio.Queue()
        server = PlaneServer(
            lambda hello: joined.append(hello.name),
            lambda hello: left.put_nowait(hello.name),
            lambda hello, message: None,
            ping_secs=PING_SECS,
            patience=PATIENCE,
        )
        await server.start(tmp_path / "plane.sock")
        well = asyncio.create_task(worker(tmp_path / "plane.sock", "well", 10**6))
        stuck = asyncio.create_task(worker(tmp_path / "plane.sock", "stuck", 3))
        async with asyncio.timeout(10):
            assert await left.get() == "stuck"
            await stuck
        assert set(joined) == {"well", "stuck"}
        assert left.empty()
        assert not well.done()
        await server.close()
        await well

    asyncio.run(story())
