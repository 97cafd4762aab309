import pytest

from tests.quic.pair import Pair

CANCELLED = 1
MUCH = 3000
"""Bytes, some packets of them."""


def speaking(*streams: int) -> Pair:
    """Their first byte has arrived long ago."""
    pair = Pair()
    for stream_id in streams:
        write(pair, stream_id, b"-")
    for _ in range(5):
        pair.pass_time(0.01)
    pair.heard.clear()
    return pair


def write(pair: Pair, stream_id: int, data: bytes) -> None:
    pair.client.send_stream_data(stream_id, data, False)
    pair.internals.serve(stream_id)


def test_the_smallest_rank_leaves_first():
    pair = speaking(2, 6, 10)
    for stream_id, rank, name in ((2, 9, b"c"), (6, 5, b"b"), (10, 1, b"a")):
        pair.internals.rank_stream(stream_id, rank, None)
        write(pair, stream_id, MUCH * name)
    pair.send()
    pair.deliver_all()
    assert pair.heard == MUCH * b"a" + MUCH * b"b" + MUCH * b"c"


def test_of_the_same_rank_one_goes_behind_another():
    pair = speaking(2, 6)
    pair.internals.rank_stream(2, 5, 6)
    pair.internals.rank_stream(6, 5, None)
    write(pair, 2, MUCH * b"b")
    write(pair, 6, MUCH * b"a")
    pair.send()
    pair.deliver_all()
    assert pair.heard == MUCH * b"a" + MUCH * b"b"


@pytest.mark.parametrize("others", [(6,), (6, 10)])
def test_a_reset_leaves_at_once_and_holds_up_nothing(others: tuple[int, ...]):
    pair = speaking(2, *others)
    for stream_id in others:
        write(pair, stream_id, bytes(MUCH))
    pair.client.reset_stream(2, CANCELLED)
    pair.internals.serve(2)
    pair.send()
    assert not pair.client._streams[2].sender.reset_pending
    pair.deliver_all()
    assert len(pair.heard) == MUCH * len(others)
