"""What depends on the request that a message is about (draft 18): 2.5.1, 10.2, 10.4 to 10.9,
10.17, 10.18, 12."""

import pytest

from bridge.moqt import codec, names, pairs
from bridge.moqt import messages as m
from bridge.moqt.actions import Send
from bridge.moqt.draft18 import DRAFT_18
from bridge.moqt.errors import DoneCode, RequestCode, SessionCode
from bridge.moqt.events import (
    Accepted,
    Asked,
    GoingAway,
    NamespaceChanged,
    Refused,
    SubscriptionEnded,
    TrackBlocked,
    Updated,
    Withdrawn,
)
from bridge.moqt.messages import Option, Param, Property
from bridge.moqt.names import Track
from bridge.moqt.session import Session
from bridge.moqt.token import Token
from tests.moqt.pair import DOWNLINK, UPLINK, Pair

VOICE = names.namespace("voice")
CALL = names.namespace("call-1")
GONE = SessionCode.PROTOCOL_VIOLATION


def say(session: Session, stream_id: int, message: m.Message) -> None:
    session._requests.say(stream_id, message)


def published(pair: Pair):
    """The client offers a track; the server takes it."""
    publication = pair.client.session.publish(UPLINK)
    pair.carry()
    subscription, _ = pair.server.session.accept_publish(pair.server.one(Asked))
    pair.carry()
    pair.client.take(Accepted)
    return publication, subscription


def looking(pair: Pair, ask: str):
    """The client asks about namespaces; the server says yes. Returns both sides' handles."""
    handle = getattr(pair.client.session, ask)(VOICE)
    pair.carry()
    asked = pair.server.one(Asked)
    pair.server.session.accept(asked)
    pair.carry()
    return handle, asked


# --- answers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [m.RequestOk, m.PublishOk])
def test_a_publish_is_accepted_by_either_number(kind):
    pair = Pair()
    publication = pair.client.session.publish(UPLINK)
    pair.carry()
    asked = pair.server.one(Asked)
    say(pair.server.session, asked.stream_id, kind({Param.FORWARD: 0}))
    pair.carry()
    assert pair.client.one(Accepted).handle is publication
    assert not publication.forward


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (lambda s: s.publish(UPLINK), m.RequestOk({Param.LARGEST_OBJECT: m.Location(1, 1)})),
        (lambda s: s.publish(UPLINK), m.RequestOk({}, ((0x08, 1),))),
        (lambda s: s.subscribe(UPLINK), m.RequestOk()),
        (lambda s: s.subscribe_tracks(VOICE), m.RequestOk({Param.FORWARD: 1})),
        (lambda s: s.subscribe_tracks(VOICE), m.PublishOk()),
        (lambda s: s.subscribe_tracks(VOICE), m.NamespaceFound(CALL)),
        (lambda s: s.publish(UPLINK), m.RequestUpdate(1)),
        (lambda s: s.subscribe(UPLINK), m.RequestUpdate(1)),
    ],
)
def test_what_is_no_answer_to_a_request_closes_the_session(ask, answer):
    pair = Pair()
    handle = ask(pair.client.session)
    pair.carry()
    say(pair.server.session, handle.stream_id, answer)
    pair.carry()
    assert pair.client.closed == GONE


def test_a_publisher_may_not_update_what_it_was_asked_for():
    pair = Pair()
    subscription = pair.client.session.subscribe(DOWNLINK)
    pair.carry()
    pair.server.session.accept_subscribe(pair.server.one(Asked))
    say(pair.server.session, subscription.stream_id, m.RequestUpdate(1))
    pair.carry()
    assert pair.client.closed == GONE


def test_the_answer_to_an_update_has_no_priority():
    pair = Pair()
    publication, subscription = published(pair)
    pair.server.session.update(subscription, {})
    pair.server.session.take()
    subscription.updating = 1
    say(pair.client.session, publication.stream_id, m.RequestOk({Param.SUBSCRIBER_PRIORITY: 1}))
    pair.carry()
    assert pair.server.closed == GONE


@pytest.mark.parametrize(
    ("ask", "to"),
    [
        (lambda s: s.subscribe(UPLINK), m.Redirect(b"moqt://else.example/", Track((), b""))),
        (lambda s: s.subscribe_namespace(VOICE), m.Redirect(b"", Track((), b"x"))),
    ],
    ids=["a URI from a client", "a track instead of a namespace"],
)
def test_a_redirect_that_must_not_be_closes_the_session(ask, to):
    pair = Pair()
    handle = ask(pair.server.session)
    pair.carry()
    say(
        pair.client.session,
        handle.stream_id,
        m.RequestError(RequestCode.REDIRECT, 0, "", to),
    )
    pair.carry()
    assert pair.server.closed == GONE


def test_a_second_request_for_a_track_is_refused_before_the_first_has_its_answer():
    pair = Pair()
    pair.client.session.subscribe(DOWNLINK)
    pair.client.session.subscribe(DOWNLINK)
    pair.carry()
    assert pair.client.one(Refused).code == RequestCode.DUPLICATE_SUBSCRIPTION
    pair.server.session.refuse(pair.server.one(Asked), RequestCode.DOES_NOT_EXIST)
    pair.carry()
    pair.client.session.subscribe(DOWNLINK)
    pair.carry()
    pair.server.session.accept_subscribe(pair.server.one(Asked))


# --- updates ---------------------------------------------------------------------------------


@pytest.mark.parametrize("ask", ["subscribe_tracks", "subscribe_namespace"])
def test_a_prefix_may_be_changed(ask):
    pair = Pair()
    handle, asked = looking(pair, ask)
    pair.client.session.update(handle, {Param.TRACK_NAMESPACE_PREFIX: VOICE + CALL})
    pair.carry()
    assert pair.client.one(Updated).handle is handle
    assert asked.request.prefix == VOICE + CALL


def test_a_prefix_that_another_request_covers_ends_the_request():
    pair = Pair()
    looking(pair, "subscribe_tracks")
    other = pair.client.session.subscribe_tracks(names.namespace("music"))
    pair.carry()
    asked = pair.server.one(Asked)
    pair.server.session.accept(asked)
    pair.client.session.update(other, {Param.TRACK_NAMESPACE_PREFIX: VOICE + CALL})
    pair.carry()
    assert pair.client.one(Refused).code == RequestCode.PREFIX_OVERLAP
    assert Withdrawn(asked) in pair.server.events
    assert pair.client.closed is pair.server.closed is None


def test_a_subscription_has_no_prefix():
    pair = Pair()
    _, subscription = published(pair)
    pair.server.session.update(subscription, {Param.TRACK_NAMESPACE_PREFIX: VOICE})
    pair.carry()
    assert pair.client.closed == GONE


def test_an_update_that_fails_ends_its_subscription():
    pair = Pair()
    publication, subscription = published(pair)
    by_alias = codec.encode(
        DRAFT_18, m.RequestUpdate(1, {Param.AUTHORIZATION_TOKEN: (Token(b"", 7),)})
    ).replace(b"\x02\x03\x07", b"\x02\x02\x07")
    subscription.updating = 1
    pair.client.events += pair.client.session.receive_stream(
        publication.stream_id, by_alias, False, 0.0
    )
    pair.carry()
    assert pair.client.one(Withdrawn).handle is publication
    assert pair.server.one(Refused).code == RequestCode.UNKNOWN_AUTH_TOKEN_ALIAS
    assert pair.server.one(SubscriptionEnded).code == DoneCode.UPDATE_FAILED
    assert pair.client.closed is pair.server.closed is None


def test_a_subscription_that_expires_is_asked_for_again_in_time():
    pair = Pair()
    token = Token(b"secret")
    subscription = pair.client.session.subscribe(DOWNLINK, (token,))
    pair.carry()
    asked = pair.server.one(Asked)
    say(pair.server.session, asked.stream_id, m.SubscribeOk(0, {Param.EXPIRES: 20_000}))
    pair.carry()
    assert pair.client.session.deadline == 15.0
    pair.client.session.expire(14.9)
    assert pair.client.session.take() == []
    pair.client.session.expire(15.0)
    (said,) = pair.client.session.take()
    update = m.RequestUpdate(2, {Param.AUTHORIZATION_TOKEN: (token,)})
    assert said == Send(subscription.stream_id, codec.encode(DRAFT_18, update))
    assert pair.client.session.deadline is None
    answer = codec.encode(DRAFT_18, m.RequestOk({Param.EXPIRES: 40_000}))
    pair.client.session.receive_stream(subscription.stream_id, answer, False, 16.0)
    assert pair.client.session.deadline == 46.0
    pair.client.session.cancel(subscription)
    assert pair.client.session.deadline is None


def test_a_subscription_that_is_done_is_not_asked_for_again():
    pair = Pair()
    subscription = pair.client.session.subscribe(DOWNLINK)
    pair.carry()
    stream_id = pair.server.one(Asked).stream_id
    say(pair.server.session, stream_id, m.SubscribeOk(0, {Param.EXPIRES: 20_000}))
    say(pair.server.session, stream_id, m.PublishDone(DoneCode.TRACK_ENDED, 0, ""))
    pair.carry()
    assert pair.client.one(SubscriptionEnded).subscription is subscription
    pair.client.session.expire(10.0)
    assert pair.client.session.deadline is None


def test_who_says_that_it_expires_at_once_is_asked_once_a_second():
    pair = Pair()
    pair.client.session.subscribe(DOWNLINK)
    pair.carry()
    say(pair.server.session, pair.server.one(Asked).stream_id, m.SubscribeOk(0, {Param.EXPIRES: 1}))
    pair.carry()
    assert pair.client.session.deadline == 1.0


# --- namespaces ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "news"),
    [
        ("subscribe_namespace", m.NamespaceDone(CALL)),
        ("subscribe_namespace", m.PublishBlocked(CALL, b"x")),
        ("subscribe_tracks", m.NamespaceFound(CALL)),
        ("publish_namespace", m.NamespaceFound(CALL)),
    ],
)
def test_news_that_do_not_belong_to_a_request_close_the_session(ask, news):
    pair = Pair()
    handle, _ = looking(pair, ask)
    say(pair.server.session, handle.stream_id, news)
    pair.carry()
    assert pair.client.closed == GONE


def test_namespaces_are_gone_with_the_request_that_found_them():
    pair = Pair()
    handle, asked = looking(pair, "subscribe_namespace")
    say(pair.server.session, asked.stream_id, m.NamespaceFound(CALL))
    pair.carry()
    pair.client.take(NamespaceChanged)
    pair.server.session.cancel(asked)
    pair.carry()
    assert pair.client.one(NamespaceChanged) == NamespaceChanged(handle, CALL, False)
    assert pair.client.one(Withdrawn).handle is handle


def test_a_track_that_cannot_be_offered_is_told():
    pair = Pair()
    handle, asked = looking(pair, "subscribe_tracks")
    say(pair.server.session, asked.stream_id, m.PublishBlocked((*CALL, b"uplink"), b"audio"))
    pair.carry()
    assert pair.client.one(TrackBlocked) == TrackBlocked(handle, UPLINK)


# --- what a track says of itself -------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        (Property.PUBLISHER_PRIORITY, 256),
        (Property.GROUP_ORDER, 0),
        (Property.GROUP_ORDER, 3),
        (Property.DYNAMIC_GROUPS, 2),
        (pairs.IMMUTABLE, pairs.encode(((Property.GROUP_ORDER, 3),))),
    ],
)
@pytest.mark.parametrize("by", ["publish", "subscribe_ok"])
def test_a_property_out_of_its_range_closes_the_session(by, wrong):
    pair = Pair()
    if by == "publish":
        pair.server.session.publish(DOWNLINK, (wrong,))
    else:
        pair.client.session.subscribe(DOWNLINK)
        pair.carry()
        asked = pair.server.one(Asked)
        say(pair.server.session, asked.stream_id, m.SubscribeOk(0, {}, (wrong,)))
    pair.carry()
    assert pair.client.closed == GONE


def test_properties_within_each_other_cost_nothing_however_deep_they_are():
    nested = pairs.encode(((Property.PUBLISHER_PRIORITY, 9),))
    for _ in range(3000):
        nested = pairs.encode(((pairs.IMMUTABLE, nested),))
    assert pairs.find(pairs.decode(nested), Property.PUBLISHER_PRIORITY) is None
    flat = pairs.encode(((Property.PUBLISHER_PRIORITY, 9),))
    assert pairs.find(((pairs.IMMUTABLE, flat),), Property.PUBLISHER_PRIORITY) == 9


def test_a_mandatory_property_is_found_among_the_immutable_ones():
    pair = Pair()
    hidden = (pairs.IMMUTABLE, pairs.encode(((0x4001, b""),)))
    pair.client.session.publish(UPLINK, (hidden,))
    pair.carry()
    assert pair.client.one(Refused).code == RequestCode.UNSUPPORTED_EXTENSION


# --- GOAWAY and SETUP ------------------------------------------------------------------------


def test_a_request_may_be_asked_to_go_elsewhere_once():
    pair = Pair()
    subscription = pair.client.session.subscribe(DOWNLINK)
    pair.carry()
    asked = pair.server.one(Asked)
    pair.server.session.accept_subscribe(asked)
    say(pair.server.session, asked.stream_id, m.Goaway(b"moqt://b.example/", 500))
    pair.carry()
    assert pair.client.one(GoingAway) == GoingAway("moqt://b.example/", 500, subscription)
    say(pair.server.session, asked.stream_id, m.Goaway())
    pair.carry()
    assert pair.client.closed == GONE


@pytest.mark.parametrize(
    ("by_client", "goaway"),
    [(True, m.Goaway(b"moqt://b.example/")), (False, m.Goaway(request_id=0))],
    ids=["a client's URI", "a request id"],
)
def test_a_goaway_of_a_request_that_must_not_be_closes_the_session(by_client, goaway):
    pair = Pair()
    publication, _ = published(pair)
    sender, other = (pair.client, pair.server) if by_client else (pair.server, pair.client)
    say(sender.session, publication.stream_id, goaway)
    pair.carry()
    assert other.closed == GONE


@pytest.mark.parametrize(
    ("option", "value", "code"),
    [
        (Option.PATH, b"voice", SessionCode.MALFORMED_PATH),
        (Option.PATH, b"/a b", SessionCode.MALFORMED_PATH),
        (Option.PATH, b"/%4", SessionCode.MALFORMED_PATH),
        (Option.AUTHORITY, b"", SessionCode.MALFORMED_AUTHORITY),
        (Option.AUTHORITY, b"a/b", SessionCode.MALFORMED_AUTHORITY),
        (Option.PATH, b"", None),
        (Option.PATH, b"/a/%4f;b?c=d/e", None),
        (Option.AUTHORITY, b"user@host.example:4433", None),
        (Option.AUTHORITY, b"[2001:db8::1]:4433", None),
        (0x0B, b"\xff", None),
    ],
)
def test_path_and_authority_are_of_a_uri(option, value, code):
    server = Session(False, 0.0)
    setup = codec.encode(DRAFT_18, m.Setup(((option, value),)))
    server.receive_stream(2, setup, False, 0.0)
    assert (server.closed.code if server.closed else None) == code


def test_a_reason_that_is_too_long_is_cut_between_two_letters():
    raw = codec.encode(DRAFT_18, m.RequestError(0, 0, "ö" * 600 + "x"))
    assert codec.decode(DRAFT_18, 0x05, raw[3:]).reason == "ö" * 512
    raw = codec.encode(DRAFT_18, m.RequestError(0, 0, "x" + "ö" * 600))
    assert codec.decode(DRAFT_18, 0x05, raw[3:]).reason == "x" + "ö" * 511
