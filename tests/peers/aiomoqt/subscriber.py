"""Subscribes to a track and prints each object: subscriber.py moqt://HOST:PORT/ NAMESPACE TRACK."""

import asyncio
import sys
from urllib.parse import urlsplit

from aiomoqt.client import MOQTClient
from aiomoqt.messages.data import ObjectDatagram
from aiomoqt.track import SubscribedTrack


def on_object(message, size, received_at, group_id=None, subgroup_id=None):
    how = "datagram" if isinstance(message, ObjectDatagram) else "stream"
    group = getattr(message, "group_id", None)
    timestamp = (message.extensions or {}).get(0x06)
    payload = bytes(message.payload)
    where = f"{group_id if group is None else group} {message.object_id} {timestamp}"
    print(f"object {how} {where} {payload.hex()}", flush=True)


async def main(url, namespace, name):
    at = urlsplit(url)
    client = MOQTClient(
        at.hostname, at.port, path="/", use_quic=True, verify_tls=False, supported_drafts=18
    )
    async with client.connect() as session:
        await session.client_session_init()
        track = SubscribedTrack(session, namespace, name, on_object=on_object)
        await track.subscribe(timeout=20)
        print("subscribed", flush=True)
        await asyncio.sleep(60)


asyncio.run(main(*sys.argv[1:]))
