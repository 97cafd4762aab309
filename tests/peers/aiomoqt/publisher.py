"""Publishes frames: publisher.py moqt://HOST:PORT/ NAMESPACE TRACK FILE SIZE datagram|stream.

FILE is cut into frames of SIZE bytes, sent every 20 ms in groups of 50, with LOC timestamps in
property 0x06, 480 samples a frame.
"""

import asyncio
import sys
from pathlib import Path
from urllib.parse import urlsplit

from aiomoqt.client import MOQTClient
from aiomoqt.messages.data import ObjectDatagram, SubgroupHeader
from aiomoqt.track import PublishedTrack


class Voice(PublishedTrack):
    frames: list[bytes]
    by_stream: bool

    async def generate(self, session, track_alias):
        # Whoever has asked for the track before has it by then.
        await asyncio.sleep(0.3)
        header = stream_id = None
        for n, payload in enumerate(self.frames):
            group, number = divmod(n, 50)
            properties = {0x06: n * 480}
            if not self.by_stream:
                datagram = ObjectDatagram(
                    track_alias=track_alias,
                    group_id=group,
                    object_id=number,
                    extensions=properties,
                    payload=payload,
                )
                session.send_dgram_message(datagram.serialize(prof=session._profile))
            else:
                if not number:
                    stream_id = await session.open_uni_stream()
                    header = SubgroupHeader(
                        track_alias=track_alias,
                        group_id=group,
                        extensions_present=True,
                        prof=session._profile,
                    )
                    session.stream_write(stream_id, header.serialize().data)
                data = header.next_object(payload=payload, extensions=properties, object_id=number)
                last = number == 49 or n == len(self.frames) - 1
                session.stream_write(stream_id, data.data, end_stream=last)
            self._largest = (group, number)
            await asyncio.sleep(0.02)
        print("spoken", flush=True)
        await asyncio.sleep(30)


async def main(url, namespace, name, file, size, how):
    at = urlsplit(url)
    client = MOQTClient(
        at.hostname, at.port, path="/", use_quic=True, verify_tls=False, supported_drafts=18
    )
    data = Path(file).read_bytes()
    async with client.connect() as session:
        await session.client_session_init()
        track = Voice(session, namespace, name)
        track.frames = [data[i : i + int(size)] for i in range(0, len(data), int(size))]
        track.by_stream = how == "stream"
        await track.publish()
        print("published", flush=True)
        await asyncio.sleep(60)


asyncio.run(main(*sys.argv[1:]))
