"""A gateway's end of the wire: takes the tracks of calls as a gateway does, and says whatever."""

from typing import Any

from bridge.moqt import events as moqt
from bridge.moqt.messages import Publish, Subscribe
from bridge.moqt.tracks import Publication
from bridge.wire import control, messages
from bridge.wire.control import MessageWriter
from bridge.wire.tracks import parse
from tests.wire.peer import RawPeer


class RawGateway(RawPeer):
    """Answers the requests of a plugin; what its messages are answered with is its heir's."""

    def __init__(self, quic: Any, stream_handler: Any = None) -> None:
        super().__init__(quic)
        self.owner = self
        self._events: dict[str, Publication] = {}
        self._downlinks: dict[str, Publication] = {}
        self._writers: dict[str, MessageWriter] = {}

    def on_event(self, event: moqt.Event, now: float) -> None:
        match event:
            case moqt.Asked(request=Subscribe(track=name)):
                sid, role, _ = parse(name)
                found = self._events if role == "events" else self._downlinks
                found[sid] = self.session.accept_subscribe(event)
            case moqt.Asked(request=Publish()):
                for early in self.session.accept_publish(event)[1]:
                    self.on_event(early, now)
            case moqt.Asked():
                self.session.accept(event)
            case moqt.ObjectArrived(subscription=found, object=body):
                sid, role, _ = parse(found.track)
                if role == "control":
                    self._on_message(sid, control.decode_from_plugin(body.payload))
        self.transmit_soon()

    def on_object(self, subscription: Any, datagram: Any, now: float) -> None: ...

    def feed(self) -> bool:
        return False

    def _on_message(self, sid: str, message: messages.FromPlugin) -> None:
        raise NotImplementedError
