"""What aiomoqt 0.13.3 writes: tests/peers/aiomoqt/vectors.py made the file of it."""

import json
from pathlib import Path

import pytest

from bridge.moqt import codec, names, objects, pairs, varint
from bridge.moqt import messages as m
from bridge.moqt.draft18 import DRAFT_18
from bridge.moqt.messages import Location, Option, Param
from bridge.moqt.names import Track
from bridge.moqt.token import Token
from tests.peers.aiomoqt_peer import vectors

KEPT = json.loads((Path(__file__).parent / "vectors.json").read_text())
UPLINK = Track(names.namespace("voice", "call-1", "uplink"), b"audio")
VOICE = names.namespace("voice")
FOUND = names.namespace("call-1", "uplink")

MESSAGES = {
    "setup": m.Setup(
        (
            (Option.PATH, b"/voice"),
            (Option.MAX_AUTH_TOKEN_CACHE_SIZE, 0),
            (Option.IMPLEMENTATION, b"test/1"),
        )
    ),
    "goaway": m.Goaway(b"moqt://b.example/", 5000, 4),
    "subscribe": m.Subscribe(6, UPLINK),
    "subscribe_with_parameters": m.Subscribe(
        300,
        UPLINK,
        {
            Param.AUTHORIZATION_TOKEN: (Token(b"secret"),),
            Param.RENDEZVOUS_TIMEOUT: 5000,
            Param.FORWARD: 0,
            Param.SUBSCRIBER_PRIORITY: 7,
            Param.SUBSCRIPTION_FILTER: b"\x03" + varint.encode(70_000) + b"\x05",
            Param.GROUP_ORDER: 1,
        },
    ),
    "subscribe_ok": m.SubscribeOk(9, {Param.LARGEST_OBJECT: Location(3, 49)}, ((8, 16000),)),
    "publish": m.Publish(2, UPLINK, 1, {}, ((8, 16000), (0x3801, b"voice/pcm16"))),
    "publish_done": m.PublishDone(2, 12, "bye"),
    "publish_namespace": m.PublishNamespace(0, UPLINK.namespace),
    "subscribe_namespace": m.SubscribeNamespace(1, VOICE),
    "subscribe_tracks": m.SubscribeTracks(3, VOICE),
    "namespace": m.NamespaceFound(FOUND),
    "namespace_done": m.NamespaceDone(FOUND),
    "request_ok": m.RequestOk(),
    "request_error": m.RequestError(0x10, 251, "not here"),
    "request_update": m.RequestUpdate(8, {Param.FORWARD: 1}),
}
DATAGRAMS = {
    "datagram": (1, 200_000, 7, pairs.encode(((6, 70_000),)), b"pcm", objects.NORMAL, 64),
    "datagram_of_object_0": (1, 2, 0, b"", b"pcm", objects.NORMAL, 64),
    "datagram_that_ends_a_group": (1, 2, 49, b"", b"pcm", objects.NORMAL, 64),
    "datagram_with_a_status": (1, 2, 50, b"", b"", objects.END_OF_GROUP, 64),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_is_written_as_another_writes_it(name):
    assert codec.encode(DRAFT_18, MESSAGES[name]).hex() == KEPT[name]


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_of_another_is_read(name):
    reader = codec.MessageReader(DRAFT_18)
    assert list(reader.feed(bytes.fromhex(KEPT[name]))) == [MESSAGES[name]]


@pytest.mark.parametrize("name", DATAGRAMS)
def test_a_datagram_of_another_is_read(name):
    assert objects.decode_datagram(bytes.fromhex(KEPT[name])) == DATAGRAMS[name]


def test_a_datagram_with_a_priority_is_written_as_another_does():
    alias, group, object_id, properties, payload, _, priority = DATAGRAMS["datagram"]
    raw = objects.encode_datagram(alias, group, object_id, payload, properties, priority)
    assert raw.hex() == KEPT["datagram"]


def test_a_subgroup_of_another_is_read_and_ours_differs_in_its_header_only():
    raw = bytes.fromhex(KEPT["subgroup"])
    kind, at = varint.decode(raw, 0)
    reader = objects.SubgroupReader(kind, 100, 100)
    found = list(reader.feed(raw[at:]))
    assert reader.header == (1, 5, 0, 32, True, False)
    assert [(o.object, o.payload, objects.properties_of(o.properties)) for o in found] == [
        (0, b"first", ((6, 0),)),
        (1, b"second", ((6, 320),)),
        (4, b"fifth", ((6, 1280),)),
    ]
    ours, before = b"", -1
    for found_object in found:
        delta = found_object.object - before - 1
        ours += objects.encode_object(delta, found_object.payload, found_object.properties)
        before = found_object.object
    assert raw.endswith(ours)


def test_the_vectors_are_those_that_the_installed_peer_makes():
    assert vectors() == KEPT
