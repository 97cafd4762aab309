"""Draft 18, section 7: the subscriber's priority, the publisher's, and the order of groups."""

import pytest

from bridge.moqt import objects
from bridge.moqt.actions import CONTROL_RANK, Rank
from bridge.moqt.events import Asked, Updated
from bridge.moqt.messages import Param, Property
from bridge.moqt.session import Session
from bridge.moqt.tracks import rank
from tests.moqt.pair import DOWNLINK, UPLINK, Pair


def published(pair: Pair, track=UPLINK, properties=(), wanted=None):
    """The client offers a track; the server takes it, and says how much it wants it."""
    publication = pair.client.session.publish(track, properties)
    pair.carry()
    subscription, _ = pair.server.session.accept_publish(pair.server.one(Asked), wanted)
    pair.carry()
    return publication, subscription


def ranks(session) -> list[Rank]:
    return [action for action in session.take() if isinstance(action, Rank)]


def write(session, publication, group: int):
    writer = session.open_subgroup(publication, group, has_properties=False)
    writer.write(0, b"x")
    return writer.stream_id


def test_without_a_word_both_priorities_are_in_the_middle():
    publication, _ = published(Pair())
    assert publication.rank == rank(128, 128)


def test_a_tracks_property_is_the_publishers_priority():
    publication, subscription = published(Pair(), properties=((Property.PUBLISHER_PRIORITY, 9),))
    assert publication.rank == rank(128, 9)
    assert subscription.properties == ((Property.PUBLISHER_PRIORITY, 9),)


def test_the_subscribers_priority_comes_with_its_answer_and_its_update():
    pair = Pair()
    publication, subscription = published(pair, wanted={Param.SUBSCRIBER_PRIORITY: 7})
    assert publication.rank == rank(7, 128)
    pair.server.session.update(subscription, {Param.SUBSCRIBER_PRIORITY: 200})
    pair.carry()
    assert pair.server.one(Updated).handle is subscription
    assert publication.rank == rank(200, 128)
    pair.server.session.update(subscription, {Param.FORWARD: 1})
    pair.carry()
    assert publication.rank == rank(200, 128)


def test_the_subscribers_priority_comes_with_its_request():
    pair = Pair()
    pair.client.session.subscribe(DOWNLINK, parameters={Param.SUBSCRIBER_PRIORITY: 7})
    pair.carry()
    made = pair.server.session.accept_subscribe(
        pair.server.one(Asked), ((Property.PUBLISHER_PRIORITY, 9),)
    )
    assert made.rank == rank(7, 9)
    assert made.rank_of(3) == rank(7, 3)


def test_the_subscribers_priority_weighs_more_than_any_of_the_publishers():
    assert rank(7, 255) < rank(8, 0)


def test_control_goes_before_requests_and_they_before_all_objects():
    session = Session(True, 0.0)
    session.start()
    assert ranks(session) == [Rank(2, CONTROL_RANK)]
    assert CONTROL_RANK < -1 < rank(0, 0)


def test_of_two_groups_the_earlier_one_goes_first():
    pair = Pair()
    publication, _ = published(pair)
    first = write(pair.client.session, publication, 0)
    second = write(pair.client.session, publication, 1)
    assert ranks(pair.client.session) == [
        Rank(first, publication.rank),
        Rank(second, publication.rank, first),
    ]


@pytest.mark.parametrize("by", ["subscriber", "publisher"])
def test_of_two_groups_the_later_one_goes_first_when_that_is_wanted(by):
    pair = Pair()
    if by == "subscriber":
        publication, _ = published(pair, wanted={Param.GROUP_ORDER: 2})
    else:
        publication, _ = published(pair, properties=((Property.GROUP_ORDER, 2),))
    first = write(pair.client.session, publication, 0)
    second = write(pair.client.session, publication, 1)
    assert ranks(pair.client.session) == [
        Rank(first, publication.rank),
        Rank(second, publication.rank),
        Rank(first, publication.rank, second),
    ]


def test_a_new_priority_is_that_of_streams_under_way_too():
    pair = Pair()
    publication, subscription = published(pair)
    stream_id = write(pair.client.session, publication, 0)
    pair.client.session.take()
    pair.server.session.update(subscription, {Param.SUBSCRIBER_PRIORITY: 3})
    for action in pair.server.session.take():
        pair.client.session.receive_stream(action.stream_id, action.data, False, 0.0)
    assert ranks(pair.client.session) == [Rank(stream_id, rank(3, 128))]


def test_an_object_may_have_a_priority_of_its_own():
    raw = objects.encode_datagram(5, 3, 4, b"pcm", b"\x06\x09", priority=11)
    assert objects.decode_datagram(raw) == objects.Datagram(
        5, 3, 4, b"\x06\x09", b"pcm", objects.NORMAL, 11
    )
    raw = objects.encode_datagram(5, 3, 4, b"pcm", priority=0)
    assert objects.decode_datagram(raw).priority == 0
