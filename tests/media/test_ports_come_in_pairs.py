"""The port pool on loopback: even and odd, never twice, never soon again."""

import random
import socket

import pytest

from sip_plugin.media.ports import PortPool, PortsExhausted


def free_range(pairs: int) -> tuple[int, int]:
    """A range in which every port could just be bound."""
    chance = random.Random()
    while True:
        start = chance.randrange(42000, 59000, 2)
        sockets = []
        try:
            for port in range(start, start + 2 * pairs):
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                sockets.append(sock)
                sock.bind(("127.0.0.1", port))
            return start, start + 2 * pairs - 1
        except OSError:
            continue
        finally:
            for sock in sockets:
                sock.close()


def test_a_pair_is_an_even_port_and_the_next():
    start, end = free_range(4)
    pool = PortPool("127.0.0.1", start, end)
    pair = pool.lease()
    assert pair.port % 2 == 0
    assert pair.rtp.getsockname() == ("127.0.0.1", pair.port)
    assert pair.rtcp.getsockname() == ("127.0.0.1", pair.port + 1)
    assert not pair.rtp.getblocking()
    assert pair.rtp.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 184
    pool.release(pair)
    assert pair.rtp.fileno() == -1


def test_a_released_pair_is_used_again_only_after_all_others():
    start, end = free_range(4)
    pool = PortPool("127.0.0.1", start, end)
    used = []
    for _ in range(8):
        pair = pool.lease()
        used.append(pair.port)
        pool.release(pair)
    assert len(set(used[:4])) == 4
    assert used[4:] == used[:4]


def test_two_processes_begin_in_different_places():
    begins = {PortPool("127.0.0.1", 10000, 20000)._next for _ in range(20)}
    assert len(begins) > 10


def test_a_port_that_somebody_else_has_is_stepped_over():
    start, end = free_range(3)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", start + 3))
        pool = PortPool("127.0.0.1", start, end)
        pairs = [pool.lease(), pool.lease()]
        assert {p.port for p in pairs} == {start, start + 4}
        with pytest.raises(PortsExhausted, match=r"2 of 3 pairs.*media\.rtp_start_port"):
            pool.lease()
        for pair in pairs:
            pool.release(pair)


def test_a_range_without_a_pair_and_a_foreign_address_say_what_to_change():
    with pytest.raises(PortsExhausted, match=r"media\.rtp_end_port"):
        PortPool("127.0.0.1", 50001, 50002).lease()
    with pytest.raises(PortsExhausted, match=r"media\.bind_address"):
        PortPool("192.0.2.1", 50000, 50010).lease()


def test_what_came_before_the_call_is_drained():
    start, end = free_range(1)
    pool = PortPool("127.0.0.1", start, end)
    pair = pool.lease()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as early:
        for _ in range(3):
            early.sendto(b"early", ("127.0.0.1", pair.port))
    pair.drain()
    with pytest.raises(BlockingIOError):
        pair.rtp.recv(10)
    pool.release(pair)
