from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from bridge.wire.limits import MAX_HELD, MAX_SEQ_JUMP, REORDER_WAIT
from bridge.wire.reorder import Reorder


@dataclass(frozen=True)
class Frame:
    seq: int


def seqs(frames):
    return [frame.seq for frame in frames]


def test_frames_in_order_pass_at_once():
    order = Reorder()
    assert [seqs(order.push(Frame(n), 0.0)) for n in range(3)] == [[0], [1], [2]]
    assert order.deadline is None


def test_a_swapped_pair_comes_out_in_order():
    order = Reorder()
    assert seqs(order.push(Frame(1), 0.0)) == []
    assert seqs(order.push(Frame(0), 0.001)) == [0, 1]
    assert order.stats.lost == 0


def test_a_lost_frame_holds_the_others_back_only_for_a_while():
    order = Reorder()
    order.push(Frame(0), 0.0)
    assert seqs(order.push(Frame(2), 0.020)) == []
    assert seqs(order.push(Frame(3), 0.040)) == []
    assert order.deadline == 0.020 + REORDER_WAIT
    assert seqs(order.expire(order.deadline - 0.001)) == []
    assert seqs(order.expire(order.deadline)) == [2, 3]
    assert seqs(order.push(Frame(1), 0.2)) == []
    assert (order.stats.lost, order.stats.late) == (1, 1)


def test_each_of_two_gaps_is_waited_for():
    order = Reorder()
    order.push(Frame(1), 0.0)
    order.push(Frame(3), 0.050)
    assert seqs(order.expire(REORDER_WAIT)) == [1]
    assert seqs(order.expire(0.050 + REORDER_WAIT - 0.001)) == []
    assert seqs(order.expire(0.050 + REORDER_WAIT)) == [3]


def test_a_duplicate_comes_out_once():
    order = Reorder()
    assert seqs(order.push(Frame(1), 0.0)) == []
    assert seqs(order.push(Frame(1), 0.0)) == []
    assert seqs(order.push(Frame(0), 0.0)) == [0, 1]
    assert seqs(order.push(Frame(0), 0.0)) == []
    assert (order.stats.duplicates, order.stats.late) == (1, 1)


def test_a_number_far_ahead_is_not_believed():
    order = Reorder()
    assert seqs(order.push(Frame(MAX_SEQ_JUMP + 1), 0.0)) == []
    assert seqs(order.push(Frame(0), 0.0)) == [0]
    assert order.stats.refused == 1


@given(st.lists(st.tuples(st.integers(0, 300), st.floats(0, 0.05)), max_size=300))
def test_whatever_arrives_goes_out_rising_and_once_and_little_is_held(arrivals):
    order, now, out = Reorder(), 0.0, []
    for seq, pause in arrivals:
        now += pause
        out += seqs(order.push(Frame(seq), now))
        out += seqs(order.expire(now))
        assert len(order._held) <= MAX_HELD
    while order.deadline is not None:
        now = order.deadline
        out += seqs(order.expire(now))
    assert out == sorted(set(out))
    assert set(out) | set(range(order.next_seq)) == set(range(order.next_seq))
    assert len(out) == order.stats.received
    assert order.next_seq == order.stats.received + order.stats.lost
