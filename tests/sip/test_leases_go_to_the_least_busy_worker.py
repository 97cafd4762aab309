from sip_plugin.planes.messages import Lease
from sip_plugin.sip.leases import MAX_LEASES_PER_WORKER, LeasePool


def leases(name: str, count: int, first: int = 0) -> tuple[Lease, ...]:
    return tuple(
        Lease(lease_id=f"{name}.{n}", address="127.0.0.1", port=10_000 + 2 * n)
        for n in range(first, first + count)
    )


def pool() -> LeasePool:
    both = LeasePool()
    for name in ("a", "b"):
        both.join(name)
        both.offer(name, leases(name, 2))
    return both


def test_calls_are_spread():
    both = pool()
    assert [both.take(sid)[0] for sid in ("1", "2", "3", "4")] == ["a", "b", "a", "b"]
    assert both.take("5") is None


def test_a_worker_without_a_port_is_passed_over():
    both = pool()
    both.take("1"), both.take("2"), both.take("3")
    both.release("1")
    both.release("3")
    assert both.count("a") == (0, 0)
    assert both.take("4")[0] == "b"


def test_a_lost_worker_takes_its_leases_along_and_names_its_calls():
    both = pool()
    both.take("1"), both.take("2")
    assert both.leave("a") == ["1"]
    assert both.leave("a") == []
    assert both.take("3")[0] == "b"
    assert both.take("4") is None


def test_doubled_impossible_and_endless_leases_are_refused():
    one = LeasePool()
    one.join("a")
    one.offer("a", leases("a", 2) + leases("a", 2))
    one.offer("a", (Lease(lease_id="x", address="127.0.0.1", port=0),))
    assert (one.count("a"), one.refused) == ((0, 2), 3)
    for first in range(0, 20_000, 2_000):
        one.offer("a", leases("a", 2_000, first))
    assert one.count("a")[1] == MAX_LEASES_PER_WORKER
