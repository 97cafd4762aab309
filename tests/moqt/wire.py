"""Values of every kind that MoQT's messages hold, for hypothesis."""

from hypothesis import strategies as st

from bridge.moqt import messages as m
from bridge.moqt import varint
from bridge.moqt.messages import Location, Param, Redirect
from bridge.moqt.names import Track
from bridge.moqt.token import Token

NUMBERS = st.one_of(
    st.integers(0, 2**64 - 1), st.sampled_from([2**n + d for n in range(0, 64, 7) for d in (-1, 0)])
)
NAMESPACES = st.lists(st.binary(min_size=1, max_size=9), max_size=32).map(tuple)
TRACKS = st.builds(Track, NAMESPACES, st.binary(max_size=20))
TEXTS = st.text(max_size=60)
PAIRS = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 2**40).map(lambda n: 2 * n), NUMBERS),
        st.tuples(st.integers(0, 2**40).map(lambda n: 2 * n + 1), st.binary(max_size=30)),
    ),
    max_size=5,
).map(lambda pairs: tuple(sorted(pairs, key=lambda pair: pair[0])))
TOKENS = st.lists(st.builds(Token, st.binary(max_size=30), NUMBERS), min_size=1, max_size=3)
FILTERS = st.one_of(
    st.sampled_from([b"\x01", b"\x02"]),
    st.tuples(NUMBERS, NUMBERS).map(lambda at: b"\x03" + b"".join(map(varint.encode, at))),
)
VALUES = {
    Param.OBJECT_DELIVERY_TIMEOUT: NUMBERS,
    Param.AUTHORIZATION_TOKEN: TOKENS.map(tuple),
    Param.RENDEZVOUS_TIMEOUT: NUMBERS,
    Param.SUBGROUP_DELIVERY_TIMEOUT: NUMBERS,
    Param.EXPIRES: NUMBERS,
    Param.LARGEST_OBJECT: st.builds(Location, NUMBERS, NUMBERS),
    Param.FORWARD: st.integers(0, 1),
    Param.SUBSCRIBER_PRIORITY: st.integers(0, 255),
    Param.SUBSCRIPTION_FILTER: FILTERS,
    Param.GROUP_ORDER: st.integers(1, 2),
    Param.NEW_GROUP_REQUEST: NUMBERS,
    Param.TRACK_NAMESPACE_PREFIX: NAMESPACES,
}


def parameters(*kinds: Param):
    return st.fixed_dictionaries({}, optional={kind: VALUES[kind] for kind in kinds})


_TOKEN = parameters(Param.AUTHORIZATION_TOKEN)
_SUBSCRIBE = parameters(
    Param.AUTHORIZATION_TOKEN,
    Param.RENDEZVOUS_TIMEOUT,
    Param.OBJECT_DELIVERY_TIMEOUT,
    Param.SUBGROUP_DELIVERY_TIMEOUT,
    Param.FORWARD,
    Param.SUBSCRIBER_PRIORITY,
    Param.SUBSCRIPTION_FILTER,
    Param.GROUP_ORDER,
    Param.NEW_GROUP_REQUEST,
)
MESSAGES = st.one_of(
    st.builds(m.Setup, PAIRS),
    st.builds(m.Goaway, st.binary(max_size=50), NUMBERS, st.none() | NUMBERS),
    st.builds(m.RequestOk, parameters(Param.EXPIRES, Param.LARGEST_OBJECT, Param.FORWARD), PAIRS),
    st.builds(m.RequestError, NUMBERS.filter(lambda code: code != 0x34), NUMBERS, TEXTS),
    st.builds(
        m.RequestError,
        st.just(0x34),
        NUMBERS,
        TEXTS,
        st.builds(Redirect, st.binary(max_size=40), TRACKS),
    ),
    st.builds(m.Subscribe, NUMBERS, TRACKS, _SUBSCRIBE),
    st.builds(m.TrackStatus, NUMBERS, TRACKS, _TOKEN),
    st.builds(m.SubscribeOk, NUMBERS, parameters(Param.EXPIRES, Param.LARGEST_OBJECT), PAIRS),
    st.builds(m.RequestUpdate, NUMBERS, parameters(Param.FORWARD, Param.TRACK_NAMESPACE_PREFIX)),
    st.builds(
        m.Publish,
        NUMBERS,
        TRACKS,
        NUMBERS,
        parameters(Param.AUTHORIZATION_TOKEN, Param.EXPIRES, Param.LARGEST_OBJECT, Param.FORWARD),
        PAIRS,
    ),
    st.builds(m.PublishDone, NUMBERS, NUMBERS, TEXTS),
    st.builds(m.PublishNamespace, NUMBERS, NAMESPACES, _TOKEN),
    st.builds(m.NamespaceFound, NAMESPACES),
    st.builds(m.NamespaceDone, NAMESPACES),
    st.builds(m.SubscribeNamespace, NUMBERS, NAMESPACES, _TOKEN),
    st.builds(
        m.SubscribeTracks, NUMBERS, NAMESPACES, parameters(Param.AUTHORIZATION_TOKEN, Param.FORWARD)
    ),
    st.builds(m.PublishBlocked, NAMESPACES, st.binary(max_size=20)),
    st.builds(m.Fetch, NUMBERS, st.binary(max_size=40)),
    st.builds(m.FetchOk, st.binary(max_size=40)),
)
