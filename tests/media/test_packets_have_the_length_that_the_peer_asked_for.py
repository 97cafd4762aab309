"""`a=ptime` of 10 to 60 ms: all of the audio, in packets of that length, at even distances."""

from itertools import pairwise

import pytest

from sip_plugin.media import rtp
from sip_plugin.media.packetizing import Packetizer
from tests.media.phone import call, packet, session

PTIMES = [10, 20, 30, 40, 50, 60]


def frames(count: int) -> list[bytes]:
    return [bytes([n % 256]) * 160 for n in range(count)]


@pytest.mark.parametrize("ptime_ms", PTIMES)
def test_all_audio_leaves_in_order_and_at_even_distances(ptime_ms):
    packets = Packetizer(ptime_ms)
    left = []
    for n, frame in enumerate(frames(300)):
        for piece in packets.push(frame, marker=n == 0):
            assert 0 <= piece.wait_ms < 20
            left.append((n * 20 + piece.wait_ms, piece))
    audio = b"".join(piece.payload for _, piece in left)
    assert audio == b"".join(frames(300))[: len(audio)]
    assert len(audio) > 299 * 160 - ptime_ms * 8
    assert {len(piece.payload) for _, piece in left} == {ptime_ms * 8}
    assert {b - a for (a, _), (b, _) in pairwise(left)} == {ptime_ms}
    assert [n for n, (_, piece) in enumerate(left) if piece.marker] == [0]


def test_what_is_dropped_is_told_and_a_later_packet_is_whole_again():
    packets = Packetizer(60)
    assert list(packets.push(bytes(160), True)) == []
    assert packets.clear() == 160
    left = [piece for _ in range(3) for piece in packets.push(bytes(160), False)]
    assert [len(piece.payload) for piece in left] == [480]


def test_timestamps_go_on_by_the_length_of_each_packet():
    rtp_session = session()
    sent = [rtp.parse(rtp_session.send(bytes(size), 0.0)[0]) for size in (480, 480, 80, 160)]
    first = sent[0]
    assert [(p.timestamp - first.timestamp) & 0xFFFFFFFF for p in sent] == [0, 480, 960, 1040]
    assert [(p.sequence - first.sequence) & 0xFFFF for p in sent] == [0, 1, 2, 3]


@pytest.mark.parametrize("ptime_ms", PTIMES)
def test_a_digit_lasts_as_long_in_any_packets(ptime_ms):
    rtp_session = session()
    assert rtp_session.send_digit("7", 120)
    events = []
    for n in range(240 // ptime_ms + 3):
        data = rtp_session.send(bytes(ptime_ms * 8), n * ptime_ms / 1000)[0]
        event = rtp.parse(data)
        if event.payload_type == 101:
            events.append(event.payload)
    assert {payload[0] for payload in events} == {7}
    assert int.from_bytes(events[-1][2:]) == 960
    assert [payload[1] >> 7 for payload in events[-3:]] == [1, 1, 1]


@pytest.mark.parametrize("ptime_ms", PTIMES)
def test_packets_of_any_length_are_heard_whole(ptime_ms):
    samples = ptime_ms * 8
    count = 2400 // ptime_ms
    arrivals = [(1 + n * ptime_ms / 1000, packet(n, samples=samples)) for n in range(count)]
    heard, _ = call(session(), arrivals, until=1 + 2.4)
    kinds = [h.frame.kind for h in heard]
    assert kinds.count("audio") >= 119 - ptime_ms // 20
    assert "concealed" not in kinds[:-4]
    gaps = [b.at - a.at for a, b in pairwise(heard)]
    assert max(gaps) < 0.02 + ptime_ms / 1000
