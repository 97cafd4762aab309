"""Either side of the wire, saying whatever it is told: MoQT as it should be, nonsense inside."""

import asyncio
from collections.abc import Hashable
from typing import Any

from aioquic.asyncio.protocol import QuicConnectionProtocol

from bridge.moqt import events as moqt
from bridge.moqt.messages import Publish, Subscribe
from bridge.moqt.objects import Datagram
from bridge.moqt.tracks import Publication, Subscription
from bridge.wire import audio
from bridge.wire.control import MessageWriter
from bridge.wire.moqt_protocol import MoqtProtocol
from bridge.wire.tracks import Role, audio_properties, track


class RawPeer(MoqtProtocol):
    """A connection with a MoQT session; keeps what it hears, by track."""

    def __init__(self, quic: Any, stream_handler: Any = None) -> None:
        super().__init__(quic)
        self.said: dict[str, list[bytes]] = {}
        """Messages and audio that came, by track."""
        self.over_tracks: set[str] = set()
        """Tracks that have ended."""
        self.refused: list[moqt.Refused] = []
        self.over = asyncio.Event()
        self._news = asyncio.Event()
        self.open_session()
        self.attach(_Ears(self))

    def publish(self, sid: str, role: Role, attempt: int = 0) -> Publication:
        properties = audio_properties("pcm16", 16000) if role in ("uplink", "downlink") else ()
        return self.session.publish(track(sid, role, attempt), properties, eager=True)

    def subscribe(self, sid: str, role: Role, attempt: int = 0) -> Subscription:
        return self.session.subscribe(track(sid, role, attempt))

    def writer(self, publication: Publication) -> MessageWriter:
        return MessageWriter(self.session, publication)

    def uplink(self, publication: Publication, seq: int, payload: bytes) -> bytes:
        """A frame as a datagram."""
        made = audio.AudioWriter(self.session, publication, by_stream=False)
        raw = made.uplink(seq, seq * 320, payload)
        assert raw is not None
        return raw

    def datagrams(self, *raw: bytes) -> None:
        for one in raw:
            self.queue_datagram(one)
        self.transmit()

    async def ping_acknowledged(self) -> None:
        """Everything that was sent until now has arrived."""
        await QuicConnectionProtocol.ping(self)

    async def until(self, done: Any) -> None:
        async with asyncio.timeout(20):
            while not done():
                self._news.clear()
                await self._news.wait()

    def on_other(self, event: Any) -> None:
        super().on_other(event)
        if self.ended is not None:
            self.over.set()
            self._news.set()


class _Ears:
    def __init__(self, peer: RawPeer) -> None:
        self._peer = peer

    def on_event(self, event: moqt.Event, now: float) -> None:
        peer = self._peer
        match event:
            case moqt.Asked():
                self.on_asked(event, now)
            case moqt.Refused():
                peer.refused.append(event)
            case moqt.ObjectArrived(subscription=found, object=body):
                peer.said.setdefault(str(found.track), []).append(body.payload)
            case moqt.SubgroupEnded(subscription=found):
                peer.over_tracks.add(str(found.track))
        peer._news.set()

    def on_asked(self, asked: moqt.Asked, now: float) -> None:
        """Takes everything."""
        match asked.request:
            case Publish():
                _, events = self._peer.session.accept_publish(asked)
                for event in events:
                    self.on_event(event, now)
            case Subscribe():
                self._peer.session.accept_subscribe(asked)
            case _:
                self._peer.session.accept(asked)

    def on_object(self, subscription: Subscription, datagram: Datagram, now: float) -> None:
        self._peer.said.setdefault(str(subscription.track), []).append(datagram.payload)

    def on_shed(self, track: Hashable) -> None: ...

    def feed(self) -> bool:
        return False
