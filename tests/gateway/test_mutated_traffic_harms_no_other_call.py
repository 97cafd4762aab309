"""What a plugin really sends, with bytes changed, cut, doubled and swapped, beside a good call."""

import asyncio
import contextlib
import random
import ssl

import pytest
from aioquic.asyncio.client import connect

from bridge.wire import control, messages, sockets
from tests.leg.network import connection, place, speech, talks
from tests.leg.virtual import simulate
from tests.wire.peer import RawPeer

MUTANTS = 10


class Mutant(RawPeer):
    """Changes one in three of the things it is to send."""

    rng = random.Random(0)
    mutating = False

    def _mutated(self, data: bytes) -> list[bytes]:
        if not self.mutating or self.rng.random() > 0.33 or not data:
            return [data]
        at = self.rng.randrange(len(data))
        match self.rng.randrange(4):
            case 0:
                return [data[:at] + bytes([self.rng.randrange(256)]) + data[at + 1 :]]
            case 1:
                return [data[:at]]
            case 2:
                return [data, data]
            case _:
                return [data[:at] + self.rng.randbytes(20) + data[at:]]

    def send_stream(self, stream_id: int, data: bytes, ended: bool, *, twice: bool = False) -> None:
        for part in self._mutated(data):
            super().send_stream(stream_id, part, ended)

    def queue_datagram(self, data: bytes, **options) -> None:
        for part in self._mutated(data):
            super().queue_datagram(part, **options)


@contextlib.asynccontextmanager
async def mutant(where):
    configuration = sockets.configuration(is_client=True, packet_bytes=1200)
    configuration.verify_mode = ssl.CERT_NONE
    host, port = where.gateway.address
    async with connect(host, port, configuration=configuration, create_protocol=Mutant) as made:
        made.mutating = True
        yield made


def a_call(peer: Mutant, sid: str) -> None:
    """A whole call's worth of traffic, without waiting for anything."""
    peer.subscribe(sid, "events")
    peer.subscribe(sid, "downlink")
    writer = peer.writer(peer.publish(sid, "control"))
    uplink = peer.publish(sid, "uplink")
    asked = messages.Open(sid=sid, agent="parrot", direction="inbound")
    writer.write([control.encode(m) for m in (asked, messages.Answered())])
    peer.datagrams(*(peer.uplink(uplink, n, bytes(640)) for n in range(30)))
    turn = (messages.Prime(turn=1), messages.Commit(turn=1, last_seq=29), messages.Close())
    writer.write([control.encode(m) for m in turn])
    peer.transmit()


@pytest.mark.parametrize("seed", range(2))
def test_mutated_calls_beside_a_good_one(seed):
    async def story():
        Mutant.rng = random.Random(seed)
        async with place(pace=0) as where, connection(where) as line:
            good = await talks(line, where.agent())

            async def one(n: int) -> None:
                async with mutant(where) as peer:
                    for m in range(3):
                        a_call(peer, f"mutant-{n}-{m}")
                    await asyncio.sleep(0.1)

            mutants = [asyncio.create_task(one(n)) for n in range(MUTANTS)]
            for turn in range(2, 8):
                good.call.commit(turn, good.say(speech(0.1)))
                assert len(await good.reply_to(turn)) > 0
            await asyncio.gather(*mutants)
            good.call.commit(8, good.say(speech(0.1)))
            assert len(await good.reply_to(8)) > 0
            async with asyncio.timeout(20):
                while len(where.gateway.protocols) > 1 or len(where.gateway.sids) > 1:
                    await asyncio.sleep(0.02)
            (link,) = where.gateway.links
            assert len(link._calls) == 1

    simulate(story())
