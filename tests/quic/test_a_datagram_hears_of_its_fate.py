from bridge.quic.datagram import Datagram
from tests.quic.pair import Pair


def queue(pair: Pair, *names: bytes) -> None:
    for name in names:
        pair.internals.pending.append(Datagram(name))


def test_of_those_that_arrive_and_of_those_that_are_lost():
    pair = Pair()
    for n in range(8):
        queue(pair, b"%d" % n)
        pair.send()
    del pair.on_the_way[2:4]
    pair.deliver_all()
    pair.acknowledge()
    assert {name for name, arrived in pair.fates if not arrived} == {b"2", b"3"}
    assert {name for name, arrived in pair.fates if arrived} == {b"0", b"1", b"4", b"5", b"6", b"7"}
    assert not pair.internals.on_the_way


def test_frames_of_a_tick_share_packets():
    pair = Pair()
    queue(pair, *(bytes([n]) * 170 for n in range(12)))
    pair.send()
    assert len(pair.on_the_way) == 2
    pair.deliver_all()
    assert len(pair.datagrams) == 12


def test_a_probe_is_exactly_as_large_as_asked_and_is_answered():
    pair = Pair()
    fates = []
    packets = pair.internals.probe(1472, lambda size, arrived: fates.append((size, arrived)), 1.0)
    assert [len(data) for data, _ in packets] == [1472]
    pair.deliver(packets[0][0])
    for _ in range(3):
        pair.pass_time(0.05)
    assert fates == [(1472, True)]
    pair.internals.resize(1472)
    queue(pair, bytes(650), bytes(650))
    pair.send()
    assert len(pair.on_the_way) == 1
