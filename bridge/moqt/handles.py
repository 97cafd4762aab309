"""The requests that are open in a session, and which new ones cannot be."""

from collections.abc import Iterator

from bridge.moqt import messages as m
from bridge.moqt.errors import RequestCode
from bridge.moqt.events import Asked
from bridge.moqt.names import Namespace, Track
from bridge.moqt.rules import is_understood, names_alias
from bridge.moqt.tracks import Handle, Publication, Subscription

RESERVED = (b".", b".session")
"""First fields of namespaces that nobody publishes in (sections 3.2.1 and 3.2.2)."""


class Handles:
    """By request stream, and by track."""

    def __init__(self) -> None:
        self._by_stream: dict[int, Handle] = {}
        self._by_track: dict[tuple[type[Handle], Track], Handle] = {}
        self._asked: set[tuple[type[m.Request], Track]] = set()
        """For which tracks, of requests without an answer yet."""
        self.find = self._by_stream.get

    def __len__(self) -> int:
        return len(self._by_stream)

    def __iter__(self) -> Iterator[Handle]:
        return iter(list(self._by_stream.values()))

    def add(self, handle: Handle) -> None:
        before = self._by_stream.get(handle.stream_id)
        if before is not None:
            self._answered(before)
        self._by_stream[handle.stream_id] = handle
        if isinstance(handle, Asked) and isinstance(handle.request, m.Subscribe | m.Publish):
            self._asked.add((type(handle.request), handle.request.track))
        if isinstance(handle, Publication | Subscription):
            self._by_track[type(handle), handle.track] = handle

    def remove(self, handle: Handle) -> None:
        self._by_stream.pop(handle.stream_id, None)
        self._answered(handle)
        if isinstance(handle, Publication | Subscription):
            key = (type(handle), handle.track)
            if self._by_track.get(key) is handle:
                del self._by_track[key]

    def _answered(self, handle: Handle) -> None:
        if isinstance(handle, Asked) and isinstance(handle.request, m.Subscribe | m.Publish):
            self._asked.discard((type(handle.request), handle.request.track))

    def refusal(self, message: m.Request) -> tuple[RequestCode, str] | None:
        """Why a request of the other side cannot be taken, whatever the owner thinks of it."""
        namespace: Namespace = ()
        if names_alias(getattr(message, "parameters", {})):
            return RequestCode.UNKNOWN_AUTH_TOKEN_ALIAS, "no token of that alias"
        match message:
            case m.Subscribe(track=track):
                namespace = track.namespace
                if (Publication, track) in self._by_track or self._is_asked(message):
                    return RequestCode.DUPLICATE_SUBSCRIPTION, "it is published to you already"
            case m.Publish(track=track, properties=properties):
                namespace = track.namespace
                mine = self._by_track.get((Subscription, track))
                # A SUBSCRIBE of ours that waits for its answer gives way (section 5.1).
                if (mine is not None and mine.answered) or self._is_asked(message):
                    return RequestCode.DUPLICATE_SUBSCRIPTION, "it is subscribed to already"
                if not is_understood(properties):
                    return RequestCode.UNSUPPORTED_EXTENSION, "a mandatory property is not known"
            case m.PublishNamespace(namespace=namespace):
                pass
            case m.SubscribeNamespace(prefix=namespace) | m.SubscribeTracks(prefix=namespace):
                if any(self._overlaps(message, handle) for handle in self):
                    return RequestCode.PREFIX_OVERLAP, "another request covers it"
            case _:
                return RequestCode.NOT_SUPPORTED, f"{type(message).__name__} is not served here"
        if namespace and namespace[0] in RESERVED:
            return RequestCode.DOES_NOT_EXIST, "a reserved namespace"
        return None

    def _is_asked(self, message: m.Subscribe | m.Publish) -> bool:
        """Whether the same was asked already, and is not answered yet."""
        return (type(message), message.track) in self._asked

    def overlapped(self, message: m.SubscribeNamespace | m.SubscribeTracks, but: Asked) -> bool:
        """Whether another request than one covers the same namespaces, or some of them."""
        return any(handle is not but and self._overlaps(message, handle) for handle in self)

    @staticmethod
    def _overlaps(message: m.SubscribeNamespace | m.SubscribeTracks, handle: Handle) -> bool:
        other = handle.request if isinstance(handle, Asked) else None
        if type(other) is not type(message):
            return False
        shorter = min(len(message.prefix), len(other.prefix))
        return message.prefix[:shorter] == other.prefix[:shorter]
