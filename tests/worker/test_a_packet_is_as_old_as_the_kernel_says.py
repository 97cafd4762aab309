"""A packet that waits for the round that reads it is dated by its arrival, not by the round."""

import socket
import time

from sip_plugin.media.ports import PortPool
from sip_plugin.media.reading import MAX_ROUND_PACKETS, ReadRound, age_secs
from sip_plugin.media.secured_ports import SecuredPorts

WAIT_SECS = 0.3
SLACK_SECS = 0.1
"""For a busy machine, between the two clocks and around the sending."""


class Reader:
    """One call's sockets in a round: `came` has the time of each packet."""

    def __init__(self) -> None:
        self._pool = PortPool("127.0.0.1", 20_000, 29_999)
        self.ports = self._pool.lease()
        self._secured = SecuredPorts("test", self.ports)
        self.round = ReadRound()
        self.round.open(self.ports, self.read, lambda now, wall: None)
        self.came: list[float] = []

    def read(self, now: float, wall: float) -> None:
        found = self._secured.rtp(now, wall)
        if found is not None:
            self.came.append(found[2])

    def send(self, count: int) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            for _ in range(count):
                phone.sendto(bytes(172), ("127.0.0.1", self.ports.port))

    def close(self) -> None:
        self.round.close(self.ports)
        self._pool.release(self.ports)


def test_it_is_dated_by_its_arrival():
    reader = Reader()
    before = time.monotonic()
    reader.send(1)
    sent = time.monotonic()
    time.sleep(WAIT_SECS)
    read_at = reader.round.read()
    reader.close()
    assert len(reader.came) == 1
    assert before - SLACK_SECS <= reader.came[0] <= sent + SLACK_SECS < read_at


def test_a_round_takes_what_there_is_within_its_bound():
    reader = Reader()
    reader.send(3)
    reader.round.read()
    assert len(reader.came) == 3
    reader.send(2 * MAX_ROUND_PACKETS)
    reader.round.read()
    assert len(reader.came) == 3 + MAX_ROUND_PACKETS
    reader.close()


def test_without_a_believable_note_it_came_when_it_was_read():
    assert age_secs([], 1000.0) == 0.0
    assert age_secs([(socket.SOL_SOCKET, 35, bytes(16))], 1000.0) == 0.0  # the clock was set
    assert age_secs([(socket.SOL_SOCKET, 35, bytes(3))], 1000.0) == 0.0
