"""The control messages of MoQT that this end knows, as values (draft 18, section 10)."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

from bridge.moqt.names import Namespace, Track
from bridge.moqt.pairs import Pairs


class Location(NamedTuple):
    group: int
    object: int


class Option(IntEnum):
    """Setup options; the numbers are the same in all drafts."""

    PATH = 0x01
    AUTHORIZATION_TOKEN = 0x03
    MAX_AUTH_TOKEN_CACHE_SIZE = 0x04
    AUTHORITY = 0x05
    IMPLEMENTATION = 0x07


class Param(IntEnum):
    """Message parameters."""

    OBJECT_DELIVERY_TIMEOUT = 0x02
    AUTHORIZATION_TOKEN = 0x03
    RENDEZVOUS_TIMEOUT = 0x04
    SUBGROUP_DELIVERY_TIMEOUT = 0x06
    EXPIRES = 0x08
    LARGEST_OBJECT = 0x09
    FILL_TIMEOUT = 0x0A
    FORWARD = 0x10
    SUBSCRIBER_PRIORITY = 0x20
    SUBSCRIPTION_FILTER = 0x21
    GROUP_ORDER = 0x22
    NEW_GROUP_REQUEST = 0x32
    TRACK_NAMESPACE_PREFIX = 0x34


class Property(IntEnum):
    """Properties of tracks that this end understands (section 12)."""

    OBJECT_DELIVERY_TIMEOUT = 0x02
    SUBGROUP_DELIVERY_TIMEOUT = 0x06
    PUBLISHER_PRIORITY = 0x0E
    GROUP_ORDER = 0x22
    DYNAMIC_GROUPS = 0x30


Parameters = dict[int, Any]
"""By type: int, bytes, Location or Namespace; a tuple of tokens for AUTHORIZATION_TOKEN."""


class Message:
    """One control message."""


class Request(Message):
    """A message that opens a request stream, or changes its request."""

    request_id: int


@dataclass(frozen=True, slots=True)
class Setup(Message):
    options: Pairs = ()


@dataclass(frozen=True, slots=True)
class Goaway(Message):
    uri: bytes = b""
    timeout_ms: int = 0
    request_id: int | None = None


@dataclass(frozen=True, slots=True)
class RequestOk(Message):
    parameters: Parameters = field(default_factory=dict)
    properties: Pairs = ()


@dataclass(frozen=True, slots=True)
class PublishOk(RequestOk):
    """The number that the table of messages has for it; its own section says it is a REQUEST_OK,
    and so it is sent."""


class Redirect(NamedTuple):
    uri: bytes
    track: Track


@dataclass(frozen=True, slots=True)
class RequestError(Message):
    code: int
    retry: int = 0
    """Milliseconds until it makes sense to ask again, plus one; 0: do not."""
    reason: str = ""
    redirect: Redirect | None = None


@dataclass(frozen=True, slots=True)
class Subscribe(Request):
    request_id: int
    track: Track
    parameters: Parameters = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrackStatus(Request):
    request_id: int
    track: Track
    parameters: Parameters = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SubscribeOk(Message):
    alias: int
    parameters: Parameters = field(default_factory=dict)
    properties: Pairs = ()


@dataclass(frozen=True, slots=True)
class RequestUpdate(Request):
    request_id: int
    parameters: Parameters = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Publish(Request):
    request_id: int
    track: Track
    alias: int
    parameters: Parameters = field(default_factory=dict)
    properties: Pairs = ()


@dataclass(frozen=True, slots=True)
class PublishDone(Message):
    code: int
    streams: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PublishNamespace(Request):
    request_id: int
    namespace: Namespace
    parameters: Parameters = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NamespaceFound(Message):
    suffix: Namespace


@dataclass(frozen=True, slots=True)
class NamespaceDone(Message):
    suffix: Namespace


@dataclass(frozen=True, slots=True)
class SubscribeNamespace(Request):
    request_id: int
    prefix: Namespace
    parameters: Parameters = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SubscribeTracks(Request):
    request_id: int
    prefix: Namespace
    parameters: Parameters = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PublishBlocked(Message):
    suffix: Namespace
    name: bytes


@dataclass(frozen=True, slots=True)
class Fetch(Request):
    """Refused as not supported, so only its id matters."""

    request_id: int
    rest: bytes = b""


@dataclass(frozen=True, slots=True)
class FetchOk(Message):
    """Never asked for."""

    rest: bytes = b""
