"""What must not be in a message whose form is sound: it depends on what it answers (draft 18)."""

from bridge.moqt import messages as m
from bridge.moqt import pairs
from bridge.moqt.errors import violation
from bridge.moqt.messages import Param, Parameters, Property
from bridge.moqt.pairs import Pairs
from bridge.moqt.token import Alias
from bridge.moqt.tracks import Handle, NamespaceRequest, Publication

_UPDATE_OK = {Param.EXPIRES, Param.LARGEST_OBJECT}
_PUBLISH_OK = {
    Param.OBJECT_DELIVERY_TIMEOUT,
    Param.SUBGROUP_DELIVERY_TIMEOUT,
    Param.EXPIRES,
    Param.FORWARD,
    Param.SUBSCRIBER_PRIORITY,
    Param.SUBSCRIPTION_FILTER,
    Param.GROUP_ORDER,
    Param.NEW_GROUP_REQUEST,
}
_RANGES = {Property.PUBLISHER_PRIORITY: (0, 255), Property.GROUP_ORDER: (1, 2)} | {
    Property.DYNAMIC_GROUPS: (0, 1)
}


def check_ok(message: m.RequestOk, handle: Handle, *, of_update: bool) -> None:
    """Raises SessionError for a REQUEST_OK with what its kind of request is not answered with."""
    if message.properties:
        raise violation("track properties in REQUEST_OK")
    published = isinstance(handle, Publication) and not of_update
    if isinstance(message, m.PublishOk) and not published:
        raise violation("PUBLISH_OK without a PUBLISH")
    allowed = _UPDATE_OK if of_update else _PUBLISH_OK if published else set()
    for key in message.parameters:
        if key not in allowed:
            raise violation(f"parameter {key:#x} out of place in REQUEST_OK")


def check_redirect(message: m.RequestError, handle: Handle, is_client: bool) -> None:
    """Section 10.6.1."""
    redirect = message.redirect
    if redirect is None:
        return
    if redirect.uri and not is_client:
        raise violation("a redirect to a URI from a client")
    if redirect.track.name and isinstance(handle, NamespaceRequest):
        raise violation("a redirect of a namespace to a track")


def check_properties(properties: Pairs) -> None:
    """Raises SessionError for a track's property outside of its range (section 12)."""
    for kind, value in pairs.flat(properties):
        low, high = _RANGES.get(kind, (0, None))  # type: ignore[call-overload]
        if high is not None and not (isinstance(value, int) and low <= value <= high):
            raise violation(f"the property {kind:#x} is {value!r}")


def is_understood(properties: Pairs) -> bool:
    """Whether none is mandatory (section 2.5.1): of those none is known here."""
    return not any(0x4000 <= kind < 0x8000 for kind, _ in pairs.flat(properties))


def names_alias(parameters: Parameters) -> bool:
    """Whether a token is meant that was never registered here."""
    return any(isinstance(t, Alias) for t in parameters.get(Param.AUTHORIZATION_TOKEN, ()))
