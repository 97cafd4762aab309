"""Draft 18 on the wire: its version, its messages and parameters, as tables.

A later draft gets a table like this one; `codec` reads and writes by it.
"""

from bridge.moqt import messages as m
from bridge.moqt.draft import Draft, Field, Kind, Layout
from bridge.moqt.messages import Param

SETUP_TYPE = 0x2F00
"""Also the type of the stream that begins with it."""

_ID = Field("request_id", Kind.VARINT)
_PARAMETERS = Field("parameters", Kind.PARAMETERS)
_PROPERTIES = Field("properties", Kind.PAIRS)
_TRACK = Field("track", Kind.TRACK)

_LAYOUTS = (
    Layout(SETUP_TYPE, m.Setup, (Field("options", Kind.PAIRS),)),
    Layout(
        0x10,
        m.Goaway,
        (
            Field("uri", Kind.URI),
            Field("timeout_ms", Kind.VARINT),
            Field("request_id", Kind.OPTIONAL_VARINT),
        ),
    ),
    Layout(0x07, m.RequestOk, (_PARAMETERS, _PROPERTIES)),
    Layout(0x1E, m.PublishOk, (_PARAMETERS, _PROPERTIES)),
    Layout(
        0x05,
        m.RequestError,
        (
            Field("code", Kind.VARINT),
            Field("retry", Kind.VARINT),
            Field("reason", Kind.REASON),
            Field("redirect", Kind.REDIRECT),
        ),
    ),
    Layout(0x03, m.Subscribe, (_ID, _TRACK, _PARAMETERS)),
    Layout(0x0D, m.TrackStatus, (_ID, _TRACK, _PARAMETERS)),
    Layout(0x04, m.SubscribeOk, (Field("alias", Kind.VARINT), _PARAMETERS, _PROPERTIES)),
    Layout(0x02, m.RequestUpdate, (_ID, _PARAMETERS)),
    Layout(0x1D, m.Publish, (_ID, _TRACK, Field("alias", Kind.VARINT), _PARAMETERS, _PROPERTIES)),
    Layout(
        0x0B,
        m.PublishDone,
        (
            Field("code", Kind.VARINT),
            Field("streams", Kind.VARINT),
            Field("reason", Kind.REASON),
        ),
    ),
    Layout(0x06, m.PublishNamespace, (_ID, Field("namespace", Kind.NAMESPACE), _PARAMETERS)),
    Layout(0x08, m.NamespaceFound, (Field("suffix", Kind.NAMESPACE),)),
    Layout(0x0E, m.NamespaceDone, (Field("suffix", Kind.NAMESPACE),)),
    Layout(0x50, m.SubscribeNamespace, (_ID, Field("prefix", Kind.NAMESPACE), _PARAMETERS)),
    Layout(0x51, m.SubscribeTracks, (_ID, Field("prefix", Kind.NAMESPACE), _PARAMETERS)),
    Layout(0x0F, m.PublishBlocked, (Field("suffix", Kind.NAMESPACE), Field("name", Kind.NAME))),
    Layout(0x16, m.Fetch, (_ID, Field("rest", Kind.REST))),
    Layout(0x18, m.FetchOk, (Field("rest", Kind.REST),)),
)

_DELIVERY = {
    Param.OBJECT_DELIVERY_TIMEOUT,
    Param.SUBGROUP_DELIVERY_TIMEOUT,
    Param.SUBSCRIBER_PRIORITY,
    Param.SUBSCRIPTION_FILTER,
    Param.FORWARD,
    Param.NEW_GROUP_REQUEST,
}

_OK = _DELIVERY | {Param.GROUP_ORDER, Param.EXPIRES, Param.LARGEST_OBJECT}
"""In answer to PUBLISH or REQUEST_UPDATE; `rules` knows which."""

DRAFT_18 = Draft(
    number=18,
    alpn="moqt-18",
    setup_type=SETUP_TYPE,
    layouts=_LAYOUTS,
    openings={
        m.Subscribe,
        m.TrackStatus,
        m.Publish,
        m.PublishNamespace,
        m.SubscribeNamespace,
        m.SubscribeTracks,
        m.Fetch,
    },
    parameters={
        Param.OBJECT_DELIVERY_TIMEOUT: Kind.VARINT,
        Param.AUTHORIZATION_TOKEN: Kind.TOKENS,
        Param.RENDEZVOUS_TIMEOUT: Kind.VARINT,
        Param.SUBGROUP_DELIVERY_TIMEOUT: Kind.VARINT,
        Param.EXPIRES: Kind.VARINT,
        Param.LARGEST_OBJECT: Kind.LOCATION,
        Param.FILL_TIMEOUT: Kind.VARINT,
        Param.FORWARD: Kind.UINT8,
        Param.SUBSCRIBER_PRIORITY: Kind.UINT8,
        Param.SUBSCRIPTION_FILTER: Kind.FILTER,
        Param.GROUP_ORDER: Kind.UINT8,
        Param.NEW_GROUP_REQUEST: Kind.VARINT,
        Param.TRACK_NAMESPACE_PREFIX: Kind.NAMESPACE,
    },
    ranges={Param.FORWARD: (0, 1), Param.GROUP_ORDER: (1, 2)},
    scopes={
        m.Subscribe: _DELIVERY
        | {Param.AUTHORIZATION_TOKEN, Param.RENDEZVOUS_TIMEOUT, Param.GROUP_ORDER},
        # Not those of delivery, says the draft; a sender of all of them means no harm.
        m.TrackStatus: _DELIVERY
        | {Param.AUTHORIZATION_TOKEN, Param.RENDEZVOUS_TIMEOUT, Param.GROUP_ORDER},
        m.SubscribeOk: {Param.EXPIRES, Param.LARGEST_OBJECT},
        m.Publish: {
            Param.AUTHORIZATION_TOKEN,
            Param.EXPIRES,
            Param.LARGEST_OBJECT,
            Param.FORWARD,
        },
        m.PublishNamespace: {Param.AUTHORIZATION_TOKEN},
        m.SubscribeNamespace: {Param.AUTHORIZATION_TOKEN},
        m.SubscribeTracks: {Param.AUTHORIZATION_TOKEN, Param.FORWARD},
        m.RequestUpdate: _DELIVERY | {Param.AUTHORIZATION_TOKEN, Param.TRACK_NAMESPACE_PREFIX},
        m.RequestOk: _OK,
        m.PublishOk: _OK,
    },
)
