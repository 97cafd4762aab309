"""What a session tells its owner."""

from dataclasses import dataclass
from typing import NamedTuple

from bridge.moqt.errors import ResetCode
from bridge.moqt.messages import Parameters, Request
from bridge.moqt.names import Namespace, Track
from bridge.moqt.objects import StreamObject
from bridge.moqt.pairs import Pairs
from bridge.moqt.tracks import Handle, Publication, Subscription


@dataclass(frozen=True, slots=True)
class Ready:
    """The other side's SETUP has come."""

    options: Pairs


@dataclass(frozen=True, slots=True)
class GoingAway:
    """The other side will close the session, or only the request `handle`: after `timeout_ms`, or
    at any time when 0."""

    uri: str
    timeout_ms: int
    handle: Handle | None = None


class Asked(Handle):
    """A request of the other side: to be accepted or refused."""

    def __init__(self, stream_id: int, request: Request) -> None:
        super().__init__(stream_id)
        self.request = request
        self.updates = 0
        """REQUEST_UPDATEs that came before it was answered, and are in `request` already."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The other side has accepted a request of ours."""

    handle: Handle
    parameters: Parameters


@dataclass(frozen=True, slots=True)
class Refused:
    """The other side has refused a request of ours, or an update of one.

    `retry_ms`: when to ask again; None: do not.
    """

    handle: Handle
    code: int
    reason: str
    retry_ms: int | None


@dataclass(frozen=True, slots=True)
class Updated:
    """The other side has taken a REQUEST_UPDATE of ours."""

    handle: Handle
    parameters: Parameters


@dataclass(frozen=True, slots=True)
class ForwardChanged:
    """Objects of a publication are wanted from now on, or no more."""

    publication: Publication


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The other side takes no more interest in a publication, has withdrawn a request of its own,
    or ends one of ours that it had accepted."""

    handle: Handle


@dataclass(frozen=True, slots=True)
class SubscriptionEnded:
    """Nothing more is published on the track; late objects may still come."""

    subscription: Subscription
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class TrackBroken:
    """A track was given up, since the other side broke its rules."""

    subscription: Subscription
    reason: str


@dataclass(frozen=True, slots=True)
class NamespaceChanged:
    """A namespace below one asked for is there, or is gone."""

    handle: Handle
    suffix: Namespace
    there: bool


@dataclass(frozen=True, slots=True)
class TrackBlocked:
    """A track asked for by SUBSCRIBE_TRACKS will not be offered: the other side may open no more
    requests. It may be asked for by its name."""

    handle: Handle
    track: Track


class ObjectArrived(NamedTuple):
    """An object came on the stream of a subgroup."""

    subscription: Subscription
    group: int
    subgroup: int
    object: StreamObject


class SubgroupEnded(NamedTuple):
    """A subgroup's stream is over: complete (`code` None), or cut off."""

    subscription: Subscription
    group: int
    subgroup: int
    code: ResetCode | int | None


Event = (
    Ready
    | GoingAway
    | Asked
    | Accepted
    | Refused
    | Updated
    | ForwardChanged
    | Withdrawn
    | SubscriptionEnded
    | TrackBroken
    | NamespaceChanged
    | TrackBlocked
    | ObjectArrived
    | SubgroupEnded
)
