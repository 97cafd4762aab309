from hypothesis import given, settings
from hypothesis import strategies as st

from tests.quic.pair import Pair

MESSAGE = b"commit" * 20


def said(pair: Pair, data: bytes, ended: bool = False) -> tuple[int, int, int]:
    pair.client.send_stream_data(0, data, ended)
    pair.internals.serve(0)
    pair.internals.allow_repeats(0)
    end = pair.internals.stream_end(0)
    pair.send()
    return 0, end - len(data), end


def test_the_second_copy_stands_in_for_a_lost_first_without_waiting():
    pair = Pair()
    what = said(pair, MESSAGE)
    pair.on_the_way.clear()
    pair.internals.repeat(*what, send=pair.send)
    pair.deliver_all()
    assert pair.heard == MESSAGE


def test_what_was_acknowledged_is_not_sent_again():
    pair = Pair()
    what = said(pair, MESSAGE)
    pair.deliver_all()
    pair.answer()
    pair.pass_time(0.05)
    assert not pair.internals.unacknowledged
    pair.internals.repeat(*what, send=pair.send)
    assert not pair.on_the_way


def test_two_copies_that_arrive_are_heard_once_and_the_stream_goes_on():
    pair = Pair()
    what = said(pair, MESSAGE)
    pair.internals.repeat(*what, send=pair.send)
    pair.deliver_all()
    pair.answer()
    said(pair, b"more", ended=True)
    for _ in range(5):
        pair.pass_time(0.05)
    assert pair.heard == MESSAGE + b"more"
    assert pair.ended
    assert not pair.internals.unacknowledged


FATES = st.lists(st.sampled_from(["arrives", "lost", "late"]), min_size=6, max_size=30)
SIZES = st.lists(st.integers(1, 3000), min_size=1, max_size=8)


@given(FATES, SIZES, st.booleans())
@settings(deadline=None, max_examples=30)
def test_whatever_is_lost_late_or_doubled_the_stream_says_what_was_said(fates, sizes, answered):
    pair = Pair()
    all_said = bytearray()
    late: list[bytes] = []
    fate = iter(fates)
    for n, size in enumerate(sizes):
        data = bytes([n]) * size
        all_said += data
        what = said(pair, data, ended=n == len(sizes) - 1)
        pair.internals.repeat(*what, send=pair.send)
        packets, pair.on_the_way = pair.on_the_way, []
        for packet in packets:
            match next(fate, "arrives"):
                case "arrives":
                    pair.deliver(packet)
                case "late":
                    late.append(packet)
        pair.now += 0.02
        if answered:
            pair.answer()
        pair.internals.repeat(*what, send=pair.send)
    for packet in late:
        pair.deliver(packet)
    for _ in range(60):
        if pair.internals.unacknowledged:
            pair.pass_time(0.1)
    assert pair.heard == all_said
    assert pair.ended
    assert not pair.internals.unacknowledged
