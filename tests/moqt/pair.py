"""Two sessions and the streams between them, on a made-up clock."""

from bridge.moqt import names
from bridge.moqt.actions import Close, Reset, Send, Stop
from bridge.moqt.errors import SessionCode
from bridge.moqt.events import Event
from bridge.moqt.limits import Limits
from bridge.moqt.names import Track
from bridge.moqt.objects import Datagram
from bridge.moqt.session import Session
from bridge.moqt.tracks import Subscription

UPLINK = Track(names.namespace("voice", "call-1", "uplink"), b"audio")
DOWNLINK = Track(names.namespace("voice", "call-1", "downlink"), b"audio")


class End:
    """One of the two, with what it was told."""

    def __init__(self, is_client: bool, limits: Limits | None) -> None:
        self.session = Session(is_client, 0.0, limits=limits)
        self.events: list[Event] = []
        self.objects: list[tuple[Subscription, Datagram]] = []
        self.reset: set[int] = set()

    def take(self, kind: type) -> list:
        """Events of a kind, which are forgotten."""
        found = [e for e in self.events if isinstance(e, kind)]
        self.events = [e for e in self.events if not isinstance(e, kind)]
        return found

    def one(self, kind: type):
        (found,) = self.take(kind)
        return found

    @property
    def closed(self) -> SessionCode | None:
        return self.session.closed.code if self.session.closed else None


class Pair:
    def __init__(self, chunk: int = 0, limits: Limits | None = None) -> None:
        """`chunk`: bytes that arrive at a time; 0: what was sent."""
        self.now = 0.0
        self.client, self.server = End(True, limits), End(False, limits)
        self._chunk = chunk
        self.client.session.start()
        self.server.session.start()
        self.carry()

    def carry(self) -> None:
        """Take everything to the other side, until nobody says more."""
        while True:
            moved = self._move(self.client, self.server) + self._move(self.server, self.client)
            if not moved:
                return

    def wait(self, secs: float) -> None:
        self.now += secs
        for end in (self.client, self.server):
            end.session.expire(self.now)
        self.carry()

    def datagram(self, to: End, data: bytes) -> None:
        found = to.session.receive_datagram(data)
        if found is not None:
            to.objects.append(found)

    def _move(self, sender: End, receiver: End) -> int:
        actions = sender.session.take()
        for action in actions:
            match action:
                case Send(stream_id, data, ended) if stream_id not in sender.reset:
                    self._send(receiver, stream_id, data, ended)
                case Reset(stream_id, code) if stream_id not in sender.reset:
                    sender.reset.add(stream_id)
                    receiver.events += receiver.session.receive_reset(stream_id, code, self.now)
                case Stop(stream_id, code):
                    if stream_id not in receiver.reset:
                        receiver.reset.add(stream_id)
                        receiver.events += receiver.session.receive_stop(stream_id, code, self.now)
                        sender.events += sender.session.receive_reset(stream_id, code, self.now)
                case Close():
                    pass
        return len(actions)

    def _send(self, receiver: End, stream_id: int, data: bytes, ended: bool) -> None:
        size = self._chunk or max(1, len(data))
        parts = [data[i : i + size] for i in range(0, len(data), size)] or [b""]
        for n, part in enumerate(parts):
            last = ended and n == len(parts) - 1
            receiver.events += receiver.session.receive_stream(stream_id, part, last, self.now)
