from hypothesis import given
from hypothesis import strategies as st

from bridge.wire import audio
from bridge.wire.limits import MAX_AUDIO, MAX_DATAGRAM_FRAME

U32 = st.integers(0, 2**32 - 1)
PAYLOAD = st.binary(min_size=1, max_size=MAX_AUDIO // 2).map(lambda half: half + half)


@given(U32, U32, U32, PAYLOAD)
def test_an_uplink_frame_arrives_as_it_was(call, seq, timestamp, payload):
    data = audio.encode_uplink(call, seq, timestamp, payload)
    assert audio.decode(data) == audio.UplinkFrame(call, seq, timestamp, payload)
    assert len(data) <= MAX_DATAGRAM_FRAME


@given(U32, U32, U32, U32, PAYLOAD)
def test_a_downlink_frame_arrives_as_it_was(call, turn, seq, timestamp, payload):
    data = audio.encode_downlink(call, turn, seq, timestamp, payload)
    assert audio.decode(data) == audio.DownlinkFrame(call, turn, seq, timestamp, payload)
    assert len(data) <= MAX_DATAGRAM_FRAME


def test_layouts_are_those_of_the_document():
    assert audio.encode_uplink(1, 2, 3, b"ab").hex() == "010000000100000002000000036162"
    assert (
        audio.encode_downlink(1, 9, 2, 3, b"ab").hex() == "02000000010000000900000002000000036162"
    )


def test_20_ms_of_24_khz_pass_with_a_header_in_the_smallest_packet():
    assert len(audio.encode_downlink(2**32 - 1, 1, 1, 1, bytes(960))) <= 1170


@given(st.binary(max_size=1300))
def test_nonsense_is_told_apart_and_never_raises(data):
    frame = audio.decode(data)
    match frame:
        case audio.UplinkFrame(call, seq, timestamp, payload):
            assert audio.encode_uplink(call, seq, timestamp, payload) == data
        case audio.DownlinkFrame(call, turn, seq, timestamp, payload):
            assert audio.encode_downlink(call, turn, seq, timestamp, payload) == data
        case None:
            pass


def test_audio_of_no_length_or_too_much_is_refused():
    head = audio.encode_uplink(1, 2, 3, b"ab")[:-2]
    for payload in (b"", bytes(MAX_AUDIO + 1)):
        assert audio.decode(head + payload) is None
