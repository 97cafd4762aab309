"""Filters (draft 18, section 5.1.2) and delivery timeouts (section 8), on the publisher's side."""

import math

import pytest

from bridge.moqt.actions import Reset, ResetLater, Send
from bridge.moqt.errors import ResetCode
from bridge.moqt.events import Asked, ObjectArrived, SubgroupEnded
from bridge.moqt.messages import Param, Property
from tests.moqt.pair import DOWNLINK, Pair

OBJECT, SUBGROUP = Param.OBJECT_DELIVERY_TIMEOUT, Param.SUBGROUP_DELIVERY_TIMEOUT


def subscribed(pair: Pair, parameters, properties=()):
    handle = pair.client.session.subscribe(DOWNLINK, parameters=parameters)
    pair.carry()
    made = pair.server.session.accept_subscribe(pair.server.one(Asked), properties)
    pair.carry()
    return made, handle


def test_objects_before_the_start_are_left_out_and_the_stream_is_complete():
    pair = Pair()
    publication, _ = subscribed(pair, {Param.SUBSCRIPTION_FILTER: b"\x03\x00\x02"})
    writer = pair.server.session.open_subgroup(publication, 0, has_properties=False)
    for n in range(4):
        writer.write(n, bytes([n]))
    writer.finish()
    pair.carry()
    assert [e.object.object for e in pair.client.take(ObjectArrived)] == [2, 3]
    assert pair.client.one(SubgroupEnded).code is None


def test_a_group_behind_the_end_is_cut_off():
    pair = Pair()
    publication, handle = subscribed(pair, {})
    writer = pair.server.session.open_subgroup(publication, 5, has_properties=False)
    writer.write(0, b"x")
    pair.client.session.update(handle, {Param.SUBSCRIPTION_FILTER: b"\x04\x00\x00\x04"})
    pair.carry()
    writer.write(1, b"y")
    writer.write(2, b"z")
    pair.carry()
    assert [e.object.payload for e in pair.client.take(ObjectArrived)] == [b"x"]
    assert pair.client.one(SubgroupEnded).code == ResetCode.CANCELLED


@pytest.mark.parametrize(
    ("subscriber", "publisher", "datagram", "subgroup"),
    [
        ({}, (), math.inf, 0),
        ({OBJECT: 0, SUBGROUP: 0}, (), math.inf, 0),
        ({OBJECT: 300}, (), 0.3, 0),
        ({SUBGROUP: 300}, (), 0.3, 0.3),
        ({OBJECT: 300, SUBGROUP: 200}, (), 0.2, 0.2),
        ({OBJECT: 300}, ((Property.OBJECT_DELIVERY_TIMEOUT, 100),), 0.1, 0),
        ({OBJECT: 300}, ((Property.SUBGROUP_DELIVERY_TIMEOUT, 400),), 0.3, 0.4),
    ],
)
def test_the_smaller_timeout_counts(subscriber, publisher, datagram, subgroup):
    publication, _ = subscribed(Pair(), subscriber, publisher)
    assert (publication.datagram_timeout, publication.subgroup_timeout) == (datagram, subgroup)


def test_the_subscribers_last_word_counts():
    pair = Pair()
    publication, handle = subscribed(pair, {OBJECT: 300})
    for ms, secs in ((500, 0.5), (0, math.inf), (100, 0.1)):
        pair.client.session.update(handle, {OBJECT: ms})
        pair.carry()
        assert publication.datagram_timeout == secs


def test_a_group_that_is_complete_is_reset_if_it_is_not_taken_in_time():
    pair = Pair()
    publication, _ = subscribed(pair, {SUBGROUP: 250})
    writer = pair.server.session.open_subgroup(publication, 0, has_properties=False)
    writer.write(0, b"x")
    writer.finish()
    said = [a for a in pair.server.session.take() if isinstance(a, Send | Reset | ResetLater)]
    assert said[-1] == ResetLater(writer.stream_id, ResetCode.DELIVERY_TIMEOUT, 0.25)
    assert said[-2] == Send(writer.stream_id, b"", True)
