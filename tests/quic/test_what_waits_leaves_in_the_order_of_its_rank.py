import math

from hypothesis import given
from hypothesis import strategies as st

from bridge.moqt.tracks import MIDDLE, rank
from bridge.quic.datagram import ORDINARY, Datagram
from bridge.quic.waiting import Waiting


def datagram(name: str, its: int = ORDINARY, at: float = 0.0) -> Datagram:
    return Datagram(name.encode(), queued_at=at, rank=its)


def names(waiting) -> str:
    return b"".join(d.data for d in waiting).decode()


def test_the_smallest_rank_leaves_first_and_others_as_they_came():
    waiting = Waiting()
    for name, its in [("a", 5), ("b", 5), ("c", 2), ("d", 9), ("e", 5), ("f", 2)]:
        waiting.put(datagram(name, its))
    assert names(waiting) == "cfabed"
    assert [waiting.count_to(its) for its in (1, 2, 5, 9)] == [0, 2, 5, 6]


def test_what_was_lost_leaves_before_what_is_new_of_its_rank():
    waiting = Waiting()
    for name, its in [("a", 5), ("b", 2), ("c", 9)]:
        waiting.put(datagram(name, its))
    waiting.put_back([datagram("x", 5), datagram("y", 5), datagram("z", 9)])
    assert names(waiting) == "bxyazc"


def test_what_has_waited_too_long_is_shed_whatever_its_rank():
    waiting = Waiting()
    for name, its, at in [("a", 5, 1), ("b", 5, 3), ("c", 9, 1), ("d", 9, 2), ("e", 2, 1)]:
        waiting.put(datagram(name, its, at))
    assert sorted(names(waiting.shed_before(2, now=9))) == ["a", "c", "e"]
    assert names(waiting) == "bd"


def test_what_expires_is_shed_in_its_time():
    waiting = Waiting()
    waiting.timed = True
    for name, its, expires in [("a", 5, 3.0), ("b", 5, 9.0), ("c", 2, 3.0), ("d", 5, math.inf)]:
        waiting.put(Datagram(name.encode(), rank=its, expires_at=expires))
    assert names(waiting.shed_before(-math.inf, now=2.9)) == ""
    assert names(waiting.shed_before(-math.inf, now=3.0)) == "ca"
    assert waiting.timed
    assert names(waiting.shed_before(-math.inf, now=9.0)) == "b"
    assert not waiting.timed
    assert names(waiting) == "d"


def test_of_too_many_the_oldest_of_the_last_rank_are_shed_first():
    waiting = Waiting()
    for name, its in [("a", 5), ("b", 5), ("c", 9), ("d", 9)]:
        waiting.put(datagram(name, its))
    assert names(waiting.shed_to(3)) == "c"
    assert names(waiting.shed_to(1)) == "da"
    assert names(waiting) == "b"


def test_what_has_no_priority_is_in_the_middle_of_both():
    assert rank(MIDDLE, MIDDLE) == ORDINARY


STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "put_back"]), st.integers(0, 3), st.integers(0, 9))
)


@given(STEPS, st.integers(0, 9), st.integers(0, 20))
def test_it_is_always_in_order_and_loses_nothing_unsaid(steps, at, bound):
    waiting, count = Waiting(), 0
    for how, its, when in steps:
        made = datagram("x", its, when)
        waiting.put(made) if how == "put" else waiting.put_back([made])
        count += 1
        assert [d.rank for d in waiting] == sorted(d.rank for d in waiting)
    shed = waiting.shed_before(at, now=100)
    assert all(d.queued_at < at for d in shed)
    if waiting and waiting[0].rank != waiting[-1].rank:
        assert all(d.queued_at >= at for d in waiting)
    shed += waiting.shed_to(bound)
    assert len(waiting) <= bound
    assert len(waiting) + len(shed) == count
