"""Frames as objects of a call's tracks, in datagrams and on streams."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.moqt import objects
from bridge.moqt.events import Asked, ObjectArrived, SubgroupEnded
from bridge.wire import audio
from bridge.wire.limits import MAX_AUDIO, MAX_DATAGRAM_FRAME
from bridge.wire.tracks import audio_properties, capability, parse, track
from tests.moqt.pair import Pair

U32 = st.integers(0, 2**32 - 1)
REPLY_SEQ = st.integers(0, 65536 * 50 - 1)
PAYLOAD = st.binary(min_size=1, max_size=MAX_AUDIO // 2).map(lambda half: half + half)


def published(role="uplink", by_stream=False):
    pair = Pair()
    publication = pair.client.session.publish(
        track("call-1", role), audio_properties("pcm16", 8000)
    )
    pair.carry()
    pair.server.session.accept_publish(pair.server.one(Asked))
    pair.carry()
    writer = audio.AudioWriter(pair.client.session, publication, by_stream=by_stream)
    return pair, writer


PAIR, WRITER = published()


@given(U32, U32, PAYLOAD)
def test_an_uplink_frame_arrives_as_it_was(seq, timestamp, payload):
    raw = WRITER.uplink(seq, timestamp, payload)
    found = objects.decode_datagram(raw)
    frame = audio.uplink_frame(found.group, found.object, found.properties, found.payload, 160)
    assert frame == audio.UplinkFrame(seq, timestamp, payload)
    assert objects.properties_of(found.properties) == ((6, timestamp),)
    assert len(raw) <= MAX_DATAGRAM_FRAME


@given(U32, REPLY_SEQ, U32, PAYLOAD)
def test_a_downlink_frame_arrives_as_it_was(turn, seq, timestamp, payload):
    frame = audio.DownlinkFrame(turn, seq, timestamp, payload)
    found = objects.decode_datagram(WRITER.downlink(frame))
    read = audio.downlink_frame(found.group, found.object, found.properties, found.payload, 160)
    assert read == frame


def test_layouts_are_those_of_the_document():
    assert (
        WRITER.uplink(151, 48_320, b"ab").hex()
        == "0900" + "03" + "01" + "0506" + "e000bcc0" + "6162"
    )
    frame = audio.DownlinkFrame(3, 151, 72_480, b"ab")
    assert WRITER.downlink(frame).hex() == "0900" + "c30003" + "01" + "0506" + "e0011b20" + "6162"


def test_20_ms_of_24_khz_pass_with_a_header_in_the_smallest_packet():
    frame = audio.DownlinkFrame(2**32 - 1, 1, 2**32 - 1, bytes(960))
    assert len(WRITER.downlink(frame)) <= 1170


def test_a_frame_that_does_not_tell_its_position_is_where_its_number_says():
    assert audio.uplink_frame(2, 7, b"", b"ab", 160) == audio.UplinkFrame(107, 107 * 160, b"ab")
    other = bytes.fromhex("0c05")  # a level of sound, nothing of ours
    assert audio.downlink_frame(2, 7, other, b"ab", 160).timestamp == 107 * 160


@pytest.mark.parametrize(
    ("group", "object_id", "properties", "payload"),
    [
        (0, 50, b"", b"ab"),
        (0, 0, b"", b""),
        (0, 0, b"", bytes(MAX_AUDIO + 1)),
        (0, 0, b"\x06", b"ab"),
        (0, 0, b"\x07\x09\x00", b"ab"),
        (2**60, 0, b"", b"ab"),
    ],
)
def test_what_is_no_frame_is_told_apart(group, object_id, properties, payload):
    assert audio.uplink_frame(group, object_id, properties, payload, 160) is None
    assert audio.downlink_frame(group, object_id, properties, payload, 160) is None


@pytest.mark.parametrize(
    ("seq", "payload"), [(0, b""), (0, bytes(MAX_AUDIO + 1)), (-1, b"a"), (2**32, b"a")]
)
def test_what_the_wire_does_not_take_is_not_written(seq, payload):
    with pytest.raises(ValueError, match=r"audio of|frame"):
        WRITER.uplink(seq, 0, payload)


def test_on_streams_each_group_has_its_own():
    pair, writer = published(by_stream=True)
    for seq in range(45, 105):
        assert writer.uplink(seq, seq * 160, seq.to_bytes(2, "big")) is None
    pair.carry()
    arrived = pair.server.take(ObjectArrived)
    frames = [
        audio.uplink_frame(e.group, e.object.object, e.object.properties, e.object.payload, 160)
        for e in arrived
    ]
    assert frames == [
        audio.UplinkFrame(seq, seq * 160, seq.to_bytes(2, "big")) for seq in range(45, 105)
    ]
    assert [(e.group, e.code) for e in pair.server.take(SubgroupEnded)] == [(0, None), (1, None)]
    writer.finish_group()
    pair.carry()
    assert [e.group for e in pair.server.take(SubgroupEnded)] == [2]


def test_a_group_that_is_dropped_is_cut_off_and_the_next_one_arrives():
    pair, writer = published(by_stream=True)
    writer.uplink(0, 0, b"a")
    writer.drop_group()
    writer.uplink(1, 160, b"b")
    writer.uplink(50, 8000, b"c")
    pair.carry()
    assert [(e.group, e.code) for e in pair.server.take(SubgroupEnded)] == [(0, 1)]
    assert [e.object.payload for e in pair.server.take(ObjectArrived)] == [b"a", b"c"]


@pytest.mark.parametrize(("last", "code"), [(49, None), (48, 1)])
def test_what_is_left_out_cuts_off_its_own_group_alone(last, code):
    pair, writer = published(by_stream=True)
    for seq in range(last + 1):
        writer.uplink(seq, seq * 160, b"a")
    pair.carry()
    writer._publication.forward = False
    writer.uplink(last + 1, (last + 1) * 160, b"b")
    pair.carry()
    assert [(e.group, e.code) for e in pair.server.take(SubgroupEnded)] == [(0, code)]


def test_nothing_is_written_that_nobody_wants():
    pair = Pair()
    publication = pair.client.session.publish(track("call-1", "uplink"))
    writer = audio.AudioWriter(pair.client.session, publication, by_stream=False)
    assert writer.uplink(0, 0, b"a") is None


@pytest.mark.parametrize("role", ["uplink", "downlink", "control", "events"])
def test_a_calls_tracks_are_known_by_their_names(role):
    assert parse(track("a+1@x.y", role)) == ("a+1@x.y", role, 0)
    assert parse(track("a+1@x.y", role, 17)) == ("a+1@x.y", role, 17)


def test_other_names_are_no_calls_tracks():
    good = track("s", "uplink")
    for namespace, name in (
        ((b"voice", b"s", b"uplink"), b"video"),
        ((b"voice", b"s"), b"audio"),
        ((b"voice", b"\xff", b"uplink"), b"audio"),
        ((b"noise", b"s", b"uplink"), b"audio"),
        ((b"voice", b"s", b"sidelink"), b"audio"),
        ((b"voice", b"s", b"control"), b"audio"),
        ((b"voice", b"s", b"uplink", b"0"), b"audio"),
        ((b"voice", b"s", b"uplink", b"01"), b"audio"),
        ((b"voice", b"s", b"uplink", b"+1"), b"audio"),
        ((b"voice", b"s", b"uplink", b"1" * 10), b"audio"),
        ((b"voice", b"s", b"uplink", b"1", b"1"), b"audio"),
    ):
        assert parse(good._replace(namespace=namespace, name=name)) is None


def test_an_audio_track_says_what_it_carries():
    pair = Pair()
    pair.client.session.publish(track("s", "uplink"), audio_properties("g711_ulaw", 8000))
    pair.carry()
    properties = pair.server.one(Asked).request.properties
    assert capability(properties) == "voice/g711_ulaw"
    assert properties[0] == (0x08, 8000)
