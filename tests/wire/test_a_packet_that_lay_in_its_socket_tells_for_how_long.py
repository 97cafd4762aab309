import asyncio
import socket
import time

import pytest
import uvloop

from bridge.wire.age import SocketAge


class Reader(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.ages: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.age = SocketAge(transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.ages.append(self.age.secs(first=len(self.ages) < 2))


@pytest.mark.parametrize("make", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_process_that_was_held_up_knows_it(make):
    async def story() -> list[float]:
        loop = asyncio.get_running_loop()
        made = loop.create_datagram_endpoint(Reader, local_addr=("127.0.0.1", 0))
        transport, reader = await made
        phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        phone.connect(transport.get_extra_info("sockname"))
        phone.send(b"the kernel notes from now on")
        await asyncio.sleep(0.1)
        phone.send(b"first")
        phone.send(b"second")
        time.sleep(0.2)
        await asyncio.sleep(0.05)
        transport.close()
        phone.close()
        return reader.ages

    with asyncio.Runner(loop_factory=make) as runner:
        ages = runner.run(story())
    assert len(ages) == 3
    # The second is asked for because the first was late.
    assert all(0.2 <= age < 1.0 for age in ages[1:])


def test_a_transport_without_a_socket_tells_nothing():
    assert SocketAge(asyncio.BaseTransport()).secs(first=True) == 0.0
