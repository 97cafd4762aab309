"""A publisher and a subscriber, whoever asks first."""

import pytest

from bridge.moqt import messages as m
from bridge.moqt import names, objects, pairs
from bridge.moqt.actions import Send
from bridge.moqt.errors import DoneCode, RequestCode
from bridge.moqt.events import (
    Accepted,
    Asked,
    ForwardChanged,
    GoingAway,
    NamespaceChanged,
    ObjectArrived,
    Ready,
    Refused,
    SubgroupEnded,
    SubscriptionEnded,
    Updated,
    Withdrawn,
)
from bridge.moqt.messages import Location, Option, Param
from bridge.moqt.session import Session
from bridge.moqt.token import Token
from bridge.moqt.tracks import Handle
from tests.moqt.pair import DOWNLINK, UPLINK, Pair

RATE = ((0x08, 16000),)


def published(pair: Pair, **options):
    """The client offers the uplink; the server takes it."""
    publication = pair.client.session.publish(UPLINK, RATE, **options)
    pair.carry()
    subscription, _ = pair.server.session.accept_publish(pair.server.one(Asked))
    pair.carry()
    return publication, subscription


def subscribed(pair: Pair):
    """The client asks for the downlink; the server publishes it."""
    subscription = pair.client.session.subscribe(DOWNLINK, wait_ms=5000)
    pair.carry()
    publication = pair.server.session.accept_subscribe(pair.server.one(Asked), RATE)
    pair.carry()
    return publication, subscription


@pytest.mark.parametrize("chunk", [0, 1])
def test_an_offered_track_is_taken_and_its_objects_arrive(chunk):
    pair = Pair(chunk)
    publication, subscription = published(pair, tokens=(Token(b"secret"),))
    assert pair.client.one(Accepted).handle is publication
    assert publication.forward
    assert subscription.properties == RATE
    pair.datagram(
        pair.server, objects.encode_datagram(publication.alias, 3, 4, b"pcm", b"\x06\x09")
    )
    ((found, datagram),) = pair.server.objects
    assert found is subscription
    assert (datagram.group, datagram.object, datagram.payload) == (3, 4, b"pcm")
    assert objects.properties_of(datagram.properties) == ((6, 9),)


@pytest.mark.parametrize("chunk", [0, 1, 3])
def test_a_track_that_is_asked_for_arrives_on_streams(chunk):
    pair = Pair(chunk)
    publication, subscription = subscribed(pair)
    assert pair.client.one(Accepted).handle is subscription
    for group in (0, 1):
        writer = pair.server.session.open_subgroup(publication, group, has_properties=True)
        for n in range(3):
            writer.write(n, bytes([group, n]), pairs.encode(((6, n),)))
        writer.finish()
    pair.carry()
    arrived = pair.client.take(ObjectArrived)
    assert [(e.group, e.object.object, e.object.payload) for e in arrived] == [
        (group, n, bytes([group, n])) for group in (0, 1) for n in range(3)
    ]
    assert {e.subscription for e in arrived} == {subscription}
    assert [(e.group, e.code) for e in pair.client.take(SubgroupEnded)] == [(0, None), (1, None)]


def test_the_token_and_the_wait_of_a_subscriber_reach_the_publisher():
    pair = Pair()
    pair.client.session.subscribe(DOWNLINK, (Token(b"secret", 7),), wait_ms=5000)
    pair.carry()
    assert pair.server.one(Asked).request.parameters == {
        Param.AUTHORIZATION_TOKEN: (Token(b"secret", 7),),
        Param.RENDEZVOUS_TIMEOUT: 5000,
    }


def test_setup_options_reach_the_other_side():
    client, server = Session(True, 0.0, options=((Option.PATH, b"/x"),)), Session(False, 0.0)
    client.start()
    (setup,) = [action for action in client.take() if isinstance(action, Send)]
    assert server.receive_stream(setup.stream_id, setup.data, False, 0.0) == [
        Ready(((Option.PATH, b"/x"),))
    ]


def test_a_refusal_says_why_and_when_to_ask_again():
    pair = Pair()
    subscription = pair.client.session.subscribe(DOWNLINK)
    pair.carry()
    asked = pair.server.one(Asked)
    pair.server.session.refuse(asked, RequestCode.DOES_NOT_EXIST, "not yet", retry_ms=250)
    pair.carry()
    refused = pair.client.one(Refused)
    assert refused == Refused(subscription, RequestCode.DOES_NOT_EXIST, "not yet", 250)
    again = pair.client.session.subscribe(DOWNLINK)
    pair.carry()
    pair.server.session.accept_subscribe(pair.server.one(Asked))
    pair.carry()
    assert pair.client.one(Accepted).handle is again


def test_a_publisher_that_is_done_says_so_and_what_is_late_still_arrives():
    pair = Pair()
    publication, subscription = published(pair)
    late = objects.encode_datagram(publication.alias, 0, 9, b"late")
    pair.client.session.finish(publication, DoneCode.TRACK_ENDED, "bye")
    pair.carry()
    ended = pair.server.one(SubscriptionEnded)
    assert (ended.subscription, ended.code, ended.reason) == (subscription, 2, "bye")
    pair.datagram(pair.server, late)
    assert len(pair.server.objects) == 1
    pair.wait(3)
    pair.datagram(pair.server, late)
    assert len(pair.server.objects) == 1
    assert pair.server.session.datagrams_unknown == 1
    assert pair.client.session.deadline is pair.server.session.deadline is None


def test_a_subscriber_that_unsubscribes_gets_no_more_and_the_publisher_knows():
    pair = Pair()
    publication, subscription = subscribed(pair)
    writer = pair.server.session.open_subgroup(publication, 0, has_properties=False)
    writer.write(0, b"x")
    pair.carry()
    pair.client.session.cancel(subscription)
    pair.carry()
    assert pair.server.one(Withdrawn).handle is publication
    assert publication.ended
    assert not publication.streams
    pair.client.take(ObjectArrived)
    pair.datagram(pair.client, objects.encode_datagram(publication.alias, 0, 1, b"x"))
    assert not pair.client.objects
    again, _ = subscribed(pair)
    assert not again.ended


def test_a_subscriber_switches_objects_off_and_on():
    pair = Pair()
    publication, subscription = published(pair)
    pair.server.session.update(subscription, {Param.FORWARD: 0})
    pair.carry()
    assert pair.server.one(Updated).handle is subscription
    assert pair.client.one(ForwardChanged).publication is publication
    assert not publication.forward
    publication.largest = Location(4, 9)
    pair.server.session.update(subscription, {Param.FORWARD: 1})
    pair.carry()
    assert publication.forward
    assert pair.server.one(Updated).parameters == {Param.LARGEST_OBJECT: (4, 9)}


def test_an_update_that_overtakes_the_answer_is_part_of_the_request():
    pair = Pair()
    publication = pair.client.session.publish(UPLINK)
    pair.client.session.update(publication, {Param.FORWARD: 0})
    pair.carry()
    asked = pair.server.one(Asked)
    assert asked.request.parameters == {Param.FORWARD: 0}
    pair.server.session.accept_publish(asked)
    pair.carry()
    assert pair.client.one(Accepted).handle is pair.client.one(Updated).handle is publication


@pytest.mark.parametrize(
    ("kind", "passes"),
    [
        (b"\x01", [(5, 0), (6, 0)]),
        (b"\x02", [(4, 10), (4, 11), (5, 0), (6, 0)]),
        (b"\x03\x04\x0b", [(4, 11), (5, 0), (6, 0)]),
        (b"\x04\x04\x0b\x01", [(4, 11), (5, 0)]),
    ],
    ids=["next group", "largest object", "absolute start", "absolute range"],
)
def test_a_filter_says_which_objects_are_wanted(kind, passes):
    pair = Pair()
    pair.client.session.subscribe(DOWNLINK, parameters={Param.SUBSCRIPTION_FILTER: kind})
    pair.carry()
    asked = pair.server.one(Asked)
    publication = pair.server.session.accept_subscribe(asked, largest=Location(4, 9))
    pair.carry()
    assert pair.client.one(Accepted).parameters == {Param.LARGEST_OBJECT: (4, 9)}
    tried = [(3, 99), (4, 0), (4, 9), (4, 10), (4, 11), (5, 0), (6, 0)]
    assert [at for at in tried if publication.wants(*at)] == passes
    assert publication.filtered


def test_namespaces_are_found_and_go():
    pair = Pair()
    prefix = names.namespace("voice")
    looking = pair.client.session.subscribe_namespace(prefix)
    pair.carry()
    asked = pair.server.one(Asked)
    assert asked.request.prefix == prefix
    pair.server.session.accept(asked)
    say = pair.server.session._requests.say
    say(asked.stream_id, m.NamespaceFound(names.namespace("call-1")))
    pair.carry()
    assert pair.client.one(NamespaceChanged) == NamespaceChanged(looking, (b"call-1",), True)
    say(asked.stream_id, m.NamespaceDone(names.namespace("call-1")))
    pair.carry()
    assert pair.client.one(NamespaceChanged) == NamespaceChanged(looking, (b"call-1",), False)


def test_a_published_namespace_can_be_withdrawn():
    pair = Pair()
    mine = pair.client.session.publish_namespace(names.namespace("voice", "call-1"))
    pair.carry()
    asked = pair.server.one(Asked)
    pair.server.session.accept(asked)
    pair.carry()
    assert pair.client.one(Accepted).handle is mine
    pair.client.session.cancel(mine)
    pair.carry()
    assert pair.server.one(Withdrawn).handle is asked


def test_when_both_ask_for_the_same_track_the_offer_wins():
    pair = Pair()
    subscription = pair.client.session.subscribe(DOWNLINK)
    publication = pair.server.session.publish(DOWNLINK)
    pair.carry()
    refused = pair.client.one(Refused)
    assert (refused.handle, refused.code) == (subscription, RequestCode.DUPLICATE_SUBSCRIPTION)
    pair.client.session.accept_publish(pair.client.one(Asked))
    pair.carry()
    assert pair.server.one(Accepted).handle is publication


def test_after_goaway_new_requests_are_refused_and_old_ones_go_on():
    pair = Pair()
    publication, _ = published(pair)
    pair.server.session.goaway(5000, "moqt://other.example.net/")
    pair.carry()
    assert pair.client.one(GoingAway) == GoingAway("moqt://other.example.net/", 5000)
    pair.client.session.subscribe(DOWNLINK)
    pair.carry()
    assert pair.client.one(Refused).code == RequestCode.GOING_AWAY
    pair.datagram(pair.server, objects.encode_datagram(publication.alias, 0, 0, b"x"))
    assert pair.server.objects
    assert pair.client.closed is pair.server.closed is None


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (m.Fetch(0, b"\x01\x00"), RequestCode.NOT_SUPPORTED),
        (m.TrackStatus(0, UPLINK), RequestCode.NOT_SUPPORTED),
        (m.Subscribe(0, names.Track((b".session",), b"x")), RequestCode.DOES_NOT_EXIST),
        (m.Publish(0, UPLINK, 0, {}, ((0x4001, b""),)), RequestCode.UNSUPPORTED_EXTENSION),
    ],
)
def test_what_is_not_served_here_is_refused_as_the_draft_says(message, code):
    pair = Pair()
    requests = pair.client.session._requests
    requests.ask(Handle(requests.streams.open(unidirectional=False)), message)
    pair.carry()
    assert pair.client.one(Refused).code == code
    assert not pair.server.events or isinstance(pair.server.events[0], Ready)
    assert pair.server.closed is None


def test_a_second_subscription_to_the_same_track_is_refused():
    pair = Pair()
    subscribed(pair)
    pair.client.take(Accepted)
    pair.client.session.subscribe(DOWNLINK)
    pair.carry()
    assert pair.client.one(Refused).code == RequestCode.DUPLICATE_SUBSCRIPTION


def test_overlapping_prefixes_are_refused():
    pair = Pair()
    pair.client.session.subscribe_tracks(names.namespace("voice"))
    pair.carry()
    pair.server.session.accept(pair.server.one(Asked))
    pair.client.session.subscribe_tracks(names.namespace("voice", "call-1"))
    pair.client.session.subscribe_namespace(names.namespace("voice", "call-1"))
    pair.carry()
    assert pair.client.one(Refused).code == RequestCode.PREFIX_OVERLAP
    assert isinstance(pair.server.one(Asked).request, m.SubscribeNamespace)


def test_a_stream_that_overtakes_the_answer_waits_for_it():
    pair = Pair()
    subscription = pair.client.session.subscribe(DOWNLINK)
    pair.carry()
    publication = pair.server.session.accept_subscribe(pair.server.one(Asked))
    writer = pair.server.session.open_subgroup(publication, 0, has_properties=False)
    writer.write(0, b"early")
    answer, objects_ = [a for a in pair.server.session.take() if isinstance(a, Send)]
    client = pair.client.session
    assert client.receive_stream(objects_.stream_id, objects_.data, False, 0.0) == []
    events = client.receive_stream(answer.stream_id, answer.data, False, 0.0)
    assert [type(e) for e in events] == [Accepted, ObjectArrived]
    assert events[0].handle is subscription
    assert events[1].object.payload == b"early"


def test_a_stream_of_no_track_is_stopped_after_a_while():
    pair = Pair()
    stream_id = pair.client.session._requests.streams.open(unidirectional=True)
    raw = objects.subgroup_head(77, 0, has_properties=False) + objects.encode_object(0, b"x")
    pair.server.session.receive_stream(stream_id, raw, False, 0.0)
    assert pair.server.session.take() == []
    pair.server.session.expire(pair.server.session.deadline)
    assert [type(a).__name__ for a in pair.server.session.take()] == ["Stop"]
