"""Prints bytes of draft 18 as aiomoqt writes them, name by name, as JSON.

Run by the Python that has aiomoqt; what it printed is kept in tests/moqt/vectors.json.
"""

import json

from aiomoqt.context import profile_for
from aiomoqt.messages.d18.session_setup import Setup
from aiomoqt.messages.data import ObjectDatagram, SubgroupHeader
from aiomoqt.messages.namespace import PublishNamespace, SubscribeNamespace, SubscribeTracks
from aiomoqt.messages.publish import Publish
from aiomoqt.messages.request import (
    Namespace,
    NamespaceDone,
    RequestError,
    RequestOk,
    RequestUpdate,
)
from aiomoqt.messages.session_setup import GoAway
from aiomoqt.messages.subscribe import Subscribe, SubscribeDone, SubscribeOk
from aiomoqt.types import MOQTDraft, ObjectStatus

PROFILE = profile_for(MOQTDraft.DRAFT_18)
UPLINK = (b"voice", b"call-1", b"uplink")

MESSAGES = {
    "setup": Setup(options={0x01: b"/voice", 0x04: 0, 0x07: b"test/1"}),
    "goaway": GoAway(new_session_uri="moqt://b.example/", timeout=5000, request_id=4),
    "subscribe": Subscribe(request_id=6, track_namespace=UPLINK, track_name=b"audio"),
    "subscribe_with_parameters": Subscribe(
        request_id=300,
        track_namespace=UPLINK,
        track_name=b"audio",
        priority=7,
        group_order=1,
        forward=0,
        filter_type=3,
        start_group=70000,
        start_object=5,
        parameters={0x03: b"secret", 0x04: 5000},
    ),
    "subscribe_ok": SubscribeOk(
        track_alias=9, largest_group_id=3, largest_object_id=49, track_extensions={0x08: 16000}
    ),
    "publish": Publish(
        request_id=2,
        track_namespace=UPLINK,
        track_name=b"audio",
        track_alias=1,
        track_extensions={0x08: 16000, 0x3801: b"voice/pcm16"},
    ),
    "publish_done": SubscribeDone(status_code=2, stream_count=12, reason="bye"),
    "publish_namespace": PublishNamespace(request_id=0, namespace=UPLINK, parameters={}),
    "subscribe_namespace": SubscribeNamespace(
        request_id=1, namespace_prefix=(b"voice",), parameters={}
    ),
    "subscribe_tracks": SubscribeTracks(request_id=3, namespace_prefix=(b"voice",)),
    "namespace": Namespace(namespace_suffix=(b"call-1", b"uplink")),
    "namespace_done": NamespaceDone(namespace_suffix=(b"call-1", b"uplink")),
    "request_ok": RequestOk(),
    "request_error": RequestError(error_code=0x10, retry_interval=251, reason="not here"),
    "request_update": RequestUpdate(request_id=8, parameters={0x10: 1}),
    "datagram": ObjectDatagram(
        track_alias=1,
        group_id=200_000,
        object_id=7,
        publisher_priority=64,
        extensions={0x06: 70_000},
        payload=b"pcm",
    ),
    "datagram_of_object_0": ObjectDatagram(
        track_alias=1, group_id=2, object_id=0, publisher_priority=64, payload=b"pcm"
    ),
    "datagram_that_ends_a_group": ObjectDatagram(
        track_alias=1,
        group_id=2,
        object_id=49,
        publisher_priority=64,
        end_of_group=True,
        payload=b"pcm",
    ),
    "datagram_with_a_status": ObjectDatagram(
        track_alias=1,
        group_id=2,
        object_id=50,
        publisher_priority=64,
        status=ObjectStatus.END_OF_GROUP,
    ),
}


def raw(buffer) -> bytes:
    return bytes(buffer.data_slice(0, buffer.tell()))


def subgroup() -> bytes:
    header = SubgroupHeader(
        track_alias=1, group_id=5, publisher_priority=32, extensions_present=True, prof=PROFILE
    )
    said = raw(header.serialize())
    for n, payload in ((0, b"first"), (1, b"second"), (4, b"fifth")):
        said += bytes(
            header.next_object_bytes(payload=payload, extensions={0x06: n * 320}, object_id=n)
        )
    return said


made = {name: raw(message.serialize(prof=PROFILE)).hex() for name, message in MESSAGES.items()}
print(json.dumps(made | {"subgroup": subgroup().hex()}, indent=1))
