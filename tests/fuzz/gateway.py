"""A gateway that is an enemy, as a process of its own: `python -m tests.fuzz.gateway --seed 1`.

It takes calls as a gateway does; the name of a call's agent says what it does to the plugin then.
Prints its endpoint; ends when its input does.
"""

import argparse
import asyncio
import random
import sys
from collections.abc import Callable

from aioquic.asyncio.server import serve
from aioquic.quic.connection import QuicConnection as AioQuic

from bridge.gateway.certificate import self_signed
from bridge.moqt import objects, varint
from bridge.wire import control, messages, sockets
from bridge.wire.limits import MAX_MESSAGE
from bridge.wire.tracks import track
from tests.wire.raw_gateway import RawGateway

FRAME = bytes(range(240)) * 4
BUFFERED = 200
"""Datagrams given to QUIC at a time: the enemy's own memory is not the point."""


class Enemy(RawGateway):
    """Of one plugin connection."""

    rng = random.Random(1)

    def __init__(self, quic: AioQuic, stream_handler=None) -> None:
        super().__init__(quic)
        self._how: dict[str, str] = {}
        self._mutating = False

    # --- a gateway ---------------------------------------------------------------------------

    def _on_message(self, sid: str, message: messages.FromPlugin) -> None:
        match message:
            case messages.Open(agent=how):
                self._how[sid] = how
                self._mutating = how == "mutated"
                self.say(sid, messages.Opened())
            case messages.Commit(turn=turn):
                getattr(self, "do_" + self._how[sid].replace("-", "_"))(sid, turn)
                self._mutating = False

    def say(self, sid: str, *said: messages.Message | bytes) -> None:
        if sid not in self._writers:
            self._writers[sid] = self.writer(self._events[sid])
        raw = [m if isinstance(m, bytes) else control.encode(m) for m in said]
        self._writers[sid].write(raw)
        self.pump()

    def frame(self, sid: str, turn: int, seq: int, payload: bytes = FRAME) -> None:
        """Without a bound of ours on what it says."""
        if self.queued_datagrams < BUFFERED:
            group, at = (turn << 16) + seq // 50, seq % 50
            alias = self._downlinks[sid].alias
            self.queue_datagram(objects.encode_datagram(alias, group, at, payload))

    def _stream(self, data: bytes, ended: bool = False) -> None:
        stream_id = self.session._requests.streams.open(unidirectional=True)
        super().send_stream(stream_id, data, ended)

    # --- mutations ---------------------------------------------------------------------------

    def _mutated(self, data: bytes) -> list[bytes]:
        rng = self.rng
        if not self._mutating or rng.random() > 0.33 or not data:
            return [data]
        at = rng.randrange(len(data))
        match rng.randrange(5):
            case 0:
                return [data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]]
            case 1:
                return [data[:at]]
            case 2:
                return [data, data]
            case 3:
                return [data[:at] + rng.randbytes(20) + data[at:]]
            case _:
                return []

    def send_stream(self, stream_id: int, data: bytes, ended: bool, *, twice: bool = False) -> None:
        for part in self._mutated(data):
            super().send_stream(stream_id, part, ended)

    def queue_datagram(self, data: bytes, **options) -> None:
        for part in self._mutated(data):
            super().queue_datagram(part, **options)

    # --- what is done to a call --------------------------------------------------------------

    def do_good(self, sid: str, turn: int) -> None:
        for seq in range(5):
            self.frame(sid, turn, seq)
        self.say(sid, messages.ReplyEnd(turn=turn, frames=5))

    def do_mutated(self, sid: str, turn: int) -> None:
        self._mutating = True
        for word in range(10):
            said = messages.Transcript(role="agent", text=f"{word}", turn=turn, final=False)
            self.say(sid, said)
            self.frame(sid, turn, word)
        usage = messages.Usage(turn=turn, input_tokens=1, output_tokens=2)
        self.say(sid, usage, messages.ReplyEnd(turn=turn, frames=10))

    def do_truncated(self, sid: str, turn: int) -> None:
        alias = self._events[sid].alias
        head = objects.subgroup_head(alias, 0, has_properties=False)
        for cut in range(1, len(head)):
            self._stream(head[:cut], ended=True)
        datagram = objects.encode_datagram(self._downlinks[sid].alias, 0, 0, FRAME)
        for cut in range(0, 12):
            self.queue_datagram(datagram[:cut])

    def do_oversized(self, sid: str, turn: int) -> None:
        self.frame(sid, turn, 0, bytes(1150))
        self.say(sid, bytes(MAX_MESSAGE + 1))

    def do_promising(self, sid: str, turn: int) -> None:
        """An object whose length is said to be a gigabyte, and a part of it."""
        head = objects.subgroup_head(self._downlinks[sid].alias, turn << 16, has_properties=False)
        self._stream(head + varint.encode(0) + varint.encode(2**30) + bytes(60_000))

    def do_out_of_order(self, sid: str, turn: int) -> None:
        self.say(sid, messages.ReplyEnd(turn=turn, frames=150))
        sequence = list(range(150))
        self.rng.shuffle(sequence)
        for seq in sequence:
            self.frame(sid, turn, seq)
        for seq in (2**16 - 1, 2**31, 16385, 2**16 + 3):
            for other in (turn, turn + 1, turn + 70_000, 0):
                self.frame(sid, other, seq)

    def do_duplicated(self, sid: str, turn: int) -> None:
        for seq in range(8):
            for _ in range(20):
                self.frame(sid, turn, seq)
        end = messages.ReplyEnd(turn=turn, frames=8)
        self.say(sid, end, end)

    def do_contradicting(self, sid: str, turn: int) -> None:
        for seq in range(20):
            self.frame(sid, turn, seq)
        self.say(sid, messages.ReplyEnd(turn=turn, frames=3), messages.Opened())

    def do_foreign(self, sid: str, turn: int) -> None:
        """Tracks of other calls, and their aliases."""
        for other in [*self._downlinks, "nobody", "x" * 128]:
            if other != sid:
                for role in ("events", "downlink", "control", "uplink"):
                    self.session.publish(track(other, role))
                    self.session.subscribe(track(other, role))
        for alias in range(64):
            self.queue_datagram(objects.encode_datagram(alias, turn << 16, 0, FRAME))
        self.say(sid, control.encode(messages.Opened()).replace(b"opened", b"Opened"))

    def do_silent_streams(self, sid: str, turn: int) -> None:
        """Opened, and never spoken on, or never to an end."""
        for n in range(600):
            match n % 4:
                case 0:
                    self._stream(b"\x10")
                case 1:
                    self._stream(objects.subgroup_head(9_000 + n, 0, has_properties=False))
                case 2:
                    head = objects.subgroup_head(9_000 + n, 0, has_properties=False)
                    self._stream(head + varint.encode(0) + varint.encode(100) + bytes(50))
                case _:
                    self._stream(b"")

    def do_flood_of_audio(self, sid: str, turn: int) -> None:
        self._often(sid, 60, lambda n: [self.frame(sid, turn, 200 * n + s) for s in range(200)])

    def do_flood_of_messages(self, sid: str, turn: int) -> None:
        said = messages.Transcript(role="agent", text="la", turn=turn, final=False)
        self._often(sid, 40, lambda n: self.say(sid, *[said] * 25))

    def do_flood_of_requests(self, sid: str, turn: int) -> None:
        def ask(n: int) -> None:
            for m in range(50):
                self.session.publish(track(f"{sid}-{n}-{m}", "downlink"))
                self.session.subscribe(track(f"{sid}-{n}-{m}", "uplink"))

        self._often(sid, 12, ask)

    def do_flood_of_strays(self, sid: str, turn: int) -> None:
        """Audio of tracks that nobody knows, in datagrams and streams."""

        def stray(n: int) -> None:
            for m in range(150):
                alias = 10_000 + 1000 * n + m
                if self.queued_datagrams < BUFFERED:
                    self.queue_datagram(objects.encode_datagram(alias, 0, 0, FRAME))
            head = objects.subgroup_head(50_000 + n, 0, has_properties=False)
            self._stream(head + objects.encode_object(0, bytes(1024)))

        self._often(sid, 60, stray)

    def do_garbage(self, sid: str, turn: int) -> None:
        self._stream(self.rng.randbytes(200))
        for _ in range(50):
            self.queue_datagram(self.rng.randbytes(self.rng.randrange(1, 1100)))

    def do_vanishing(self, sid: str, turn: int) -> None:
        self.frame(sid, turn, 0)
        self.session.finish(self._events[sid])
        self.session.finish(self._downlinks[sid])

    def do_leaving(self, sid: str, turn: int) -> None:
        self.session.goaway()
        self.close(0x77, "mutiny")

    def _often(self, sid: str, times: int, act: Callable[[int], object]) -> None:
        """Again and again, as fast as the path takes it."""

        def step(n: int) -> None:
            if n < times and self.ended is None and self.session.closed is None:
                act(n)
                self.transmit()
                self._loop.call_later(0.005, step, n + 1)

        step(0)


WAYS = tuple(sorted(n[3:].replace("_", "-") for n in dir(Enemy) if n.startswith("do_")))
"""Names of agents; `good` does no harm."""


async def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.fuzz.gateway", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    Enemy.rng = random.Random(parser.parse_args().seed)
    made = self_signed("127.0.0.1")
    configuration = sockets.configuration(is_client=False, packet_bytes=1200)
    configuration.certificate, configuration.private_key = made.certificate, made.key
    server = await serve("127.0.0.1", 0, configuration=configuration, create_protocol=Enemy)
    port = server._transport.get_extra_info("sockname")[1]
    print(f"quic://127.0.0.1:{port}", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
