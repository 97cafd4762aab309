from dataclasses import dataclass

from bridge.wire.hearing import Hearing
from bridge.wire.limits import EAR_LEAD, MAX_AHEAD_WAIT, MAX_HELD_AHEAD, REORDER_WAIT
from bridge.wire.reorder import Reorder

FRAME = 0.02


@dataclass(frozen=True)
class Frame:
    seq: int


def reply():
    return Reorder(hearing=Hearing(FRAME))


def push(order, seqs, now=0.0):
    return [frame.seq for seq in seqs for frame in order.push(Frame(seq), now)]


def test_a_frame_that_is_needed_in_a_second_is_waited_for_until_then():
    order = reply()
    assert push(order, [*range(50), *range(51, 100)]) == list(range(50))
    assert order.deadline == 50 * FRAME - EAR_LEAD
    assert push(order, [50], now=0.9) == list(range(50, 100))
    assert order.stats.lost == 0


def test_one_that_never_comes_is_given_up_before_the_ear_needs_what_follows():
    order = reply()
    push(order, [*range(50), *range(51, 100)])
    assert order.expire(order.deadline - 0.001) == []
    assert [f.seq for f in order.expire(order.deadline)] == list(range(51, 100))


def test_nobody_waits_longer_than_two_seconds_however_far_ahead_it_is():
    order = reply()
    push(order, [*range(500), 501])
    assert order.deadline == MAX_AHEAD_WAIT


def test_audio_at_real_time_waits_no_longer_than_it_did():
    order = reply()
    for seq in range(10):
        push(order, [seq], now=seq * FRAME)
    push(order, [11], now=11 * FRAME)
    assert order.deadline == 11 * FRAME + REORDER_WAIT


def test_the_first_frame_of_a_reply_is_waited_for_no_longer_either():
    order = reply()
    push(order, [1, 2, 3])
    assert order.deadline == REORDER_WAIT


def test_a_model_that_fell_behind_real_time_has_the_ear_wait_for_it():
    order = reply()
    push(order, [0], now=0.0)
    push(order, [*range(1, 100), 101], now=3.0)
    assert order.deadline == 3.0 - FRAME + 100 * FRAME - EAR_LEAD


def test_after_frames_that_are_given_up_the_ear_may_need_the_rest_sooner():
    order = reply()
    push(order, [*range(60), *range(80, 100), 101])
    order.expire(order.deadline)
    assert order.next_seq == 100
    assert order.deadline == 80 * FRAME - EAR_LEAD


def test_what_is_held_is_bounded():
    order = reply()
    push(order, [0])
    out = push(order, range(2, 5 + MAX_HELD_AHEAD))
    assert out[0] == 2 and order.stats.lost == 1
    assert len(order._held) <= MAX_HELD_AHEAD
