"""A configuration longer than what a link may queue, to a SIP process that reads slowly."""

import asyncio
from pathlib import Path

from sip_plugin.planes.link import MAX_QUEUED_BYTES, Link
from sip_plugin.planes.messages import Reconfigure, ReconfigureAnswer
from sip_plugin.service.sip_link import SipLink


def test_it_arrives_whole(tmp_path: Path):
    document = "ä" * MAX_QUEUED_BYTES
    received: list[str] = []

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(reader, writer)
        async for message in link:
            if isinstance(message, Reconfigure):
                received.append(message.part)
                await asyncio.sleep(0)
                if message.last:
                    link.send(ReconfigureAnswer(request_id=message.request_id))

    async def story() -> None:
        path = tmp_path / "plane.sock"
        server = await asyncio.start_unix_server(slow, str(path))
        link = SipLink(path, lambda message: None, lambda linked: None)
        running = asyncio.create_task(link.run())
        async with asyncio.timeout(20):
            while not link.linked:
                await asyncio.sleep(0.01)
            await link.reconfigure(document)
        running.cancel()
        server.close()

    asyncio.run(story())
    assert "".join(received) == document
