"""The two ends of `benchmarks.wan`, each a process in its own network namespace: a server that
answers each turn with a second of audio, and a client that makes the calls."""

import asyncio
import json
import socket
import ssl
import struct
import sys
import time
from collections.abc import Callable
from typing import Literal

import numpy as np
import uvloop

from benchmarks.wan_path import ADDRESSES
from bridge.agent import AgentSpec, TlsOptions
from bridge.gateway import Gateway, GatewayOptions
from bridge.gateway.agent import AgentCall
from bridge.gateway.clock import SpeechClock
from bridge.gateway.events import CallerAudio, Committed
from bridge.leg.interface import CallFacts, LegFailed, ModelEvent, Opened, ReplyAudio
from bridge.leg.quic import QuicConnection
from bridge.settle import settle

TICK = 0.02
UPLINK_BYTES, DOWNLINK_BYTES = 640, 960
"""PCM16 of 20 ms at 16 and at 24 kHz."""
REPLY_FRAMES = 50
TURN_TICKS = 100
PATIENCE = 10.0
QUIC_PORT = 4433
TCP_PORTS = {"cubic": 4434, "bbr": 4435}
"""By congestion control."""
HEADER = struct.Struct(">BIIH")
AUDIO, COMMIT, REPLY = 1, 2, 3
FRAME = np.zeros(DOWNLINK_BYTES // 2, np.int16)


# --- the server ------------------------------------------------------------------------------


class Answering:
    """An agent that answers at once, and counts the audio that never came."""

    def __init__(self) -> None:
        self.clock = SpeechClock()
        self.frames = self.missing = 0

    async def __call__(self, call: AgentCall) -> None:
        replies: set[asyncio.Task[None]] = set()
        async for event in call:
            match event:
                case CallerAudio():
                    self.frames += 1
                case Committed(turn=turn, missing=missing):
                    self.missing += missing
                    replies.add(asyncio.ensure_future(self._reply(call, turn)))

    async def _reply(self, call: AgentCall, turn: int) -> None:
        for _ in range(REPLY_FRAMES):
            if not await call.send(FRAME, turn):
                return
            await self.clock.tick()
        await call.end(turn)


class TcpServer(asyncio.Protocol):
    """The same over a stream: type, call, number, length, then so many bytes."""

    def __init__(self, clock: SpeechClock) -> None:
        self._clock = clock
        self._data = bytearray()
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        for kind, call, number, _ in parse(self._data, data):
            if kind == COMMIT:
                self._tasks.add(asyncio.ensure_future(self._reply(call, number)))

    def connection_lost(self, exc: Exception | None) -> None:
        for task in self._tasks:
            task.cancel()

    async def _reply(self, call: int, turn: int) -> None:
        for _ in range(REPLY_FRAMES):
            self._transport.write(HEADER.pack(REPLY, call, turn, DOWNLINK_BYTES) + FRAME.tobytes())
            await self._clock.tick()


def tcp_socket(control: str) -> socket.socket:
    """With this congestion control, which connections inherit from a listener."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, control.encode())
    return sock


def parse(rest: bytearray, data: bytes) -> list[tuple[int, int, int, int]]:
    rest += data
    found = []
    at = 0
    while at + HEADER.size <= len(rest):
        header = HEADER.unpack_from(rest, at)
        if at + HEADER.size + header[3] > len(rest):
            break
        found.append(header)
        at += HEADER.size + header[3]
    del rest[:at]
    return found


async def serve(folder: str) -> None:
    answering = Answering()
    options = GatewayOptions(host=ADDRESSES[1], port=QUIC_PORT, ca_out=f"{folder}/ca.pem")
    async with Gateway(options, {"answering": answering}):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
        for control, port in TCP_PORTS.items():
            sock = tcp_socket(control)
            sock.bind((ADDRESSES[1], port))
            await asyncio.get_running_loop().create_server(
                lambda: TcpServer(answering.clock), sock=sock, ssl=context
            )
        settle()
        print("ready", flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(
                json.dumps({"frames": answering.frames, "missing": answering.missing}), flush=True
            )
            answering.frames = answering.missing = 0


# --- the client ------------------------------------------------------------------------------


class Turns:
    """When each turn was committed and answered."""

    def __init__(self) -> None:
        self.committed: dict[tuple[int, int], float] = {}
        self.took: list[float] = []

    def commit(self, call: int, turn: int) -> None:
        self.committed[call, turn] = time.perf_counter()

    def answered(self, call: int, turn: int) -> None:
        at = self.committed.pop((call, turn), None)
        if at is not None:
            self.took.append(time.perf_counter() - at)


class QuicCalls:
    def __init__(self, folder: str, turns: Turns, delivery: Literal["datagram", "stream"]) -> None:
        self._delivery = delivery
        self.tls = TlsOptions(ca_file=f"{folder}/ca.pem")
        self.turns = turns
        self.lines: list[QuicConnection] = []
        self.calls = []
        self.failed: list[str] = []

    async def open(self, connections: int, calls: int) -> None:
        endpoint = f"quic://{ADDRESSES[1]}:{QUIC_PORT}"
        agent = AgentSpec(
            endpoint=endpoint, agent="answering", tls=self.tls, audio_delivery=self._delivery
        )
        opened = []
        for line in range(connections):
            self.lines.append(QuicConnection(endpoint, self.tls))
            await self.lines[-1].wait_connected(5)
            for n in range(calls):
                number = line * calls + n
                done = asyncio.Event()
                opened.append(done)
                facts = CallFacts(f"wan-{id(self)}-{number}", "inbound", "", "")
                call = self.lines[-1].open_call(facts, agent, self._on_event(number, done))
                self.calls.append((self.lines[-1], call))
        for done in opened:
            await asyncio.wait_for(done.wait(), 10)
        for _, call in self.calls:
            call.answered()

    def _on_event(self, number: int, opened: asyncio.Event) -> Callable[[ModelEvent], None]:
        def on_event(event: ModelEvent) -> None:
            match event:
                case Opened():
                    opened.set()
                case ReplyAudio(turn=turn, seq=0):
                    self.turns.answered(number, turn)
                case LegFailed(code=code):
                    self.failed.append(code)

        return on_event

    def say(self, number: int, tick: int) -> None:
        self.calls[number][1].append(tick, tick * 320, bytes(UPLINK_BYTES))

    def commit(self, number: int, turn: int, tick: int) -> None:
        self.calls[number][1].commit(turn, tick)

    def flush(self) -> None:
        for line in self.lines:
            line.flush()

    async def close(self) -> dict[str, int]:
        said: dict[str, int] = {"shed": sum(call.stats.uplink_shed for _, call in self.calls)}
        for name in ("packets_sent", "datagrams_sent", "datagrams_lost", "datagrams_repaired"):
            said[name] = sum(getattr(line.stats, name) for line in self.lines)
        said["packet_bytes"] = max(line.stats.packet_bytes for line in self.lines)
        for line in self.lines:
            await line.close()
        return said


class TcpClient(asyncio.Protocol):
    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._data = bytearray()

    def data_received(self, data: bytes) -> None:
        for _, call, turn, _ in parse(self._data, data):
            self._turns.answered(call, turn)


class TcpCalls:
    def __init__(self, folder: str, turns: Turns, control: str, per_call: bool) -> None:
        self._folder = folder
        self._turns = turns
        self._control = control
        self._per_call = per_call
        self._transports: list[asyncio.Transport] = []
        self._calls = 0
        self._out: dict[int, bytearray] = {}
        self.failed: list[str] = []

    async def open(self, connections: int, calls: int) -> None:
        context = ssl.create_default_context(cafile=f"{self._folder}/cert.pem")
        context.check_hostname = False
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._calls = calls
        for _ in range(connections * (calls if self._per_call else 1)):
            sock = tcp_socket(self._control)
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(sock, (ADDRESSES[1], TCP_PORTS[self._control]))
            transport, _ = await loop.create_connection(
                lambda: TcpClient(self._turns), sock=sock, ssl=context, server_hostname=""
            )
            self._transports.append(transport)

    def _put(self, number: int, message: bytes) -> None:
        at = number if self._per_call else number // self._calls
        self._out.setdefault(at, bytearray()).extend(message)

    def say(self, number: int, tick: int) -> None:
        self._put(number, HEADER.pack(AUDIO, number, tick, UPLINK_BYTES) + bytes(UPLINK_BYTES))

    def commit(self, number: int, turn: int, tick: int) -> None:
        self._put(number, HEADER.pack(COMMIT, number, turn, 0))

    def flush(self) -> None:
        out, self._out = self._out, {}
        for at, data in out.items():
            self._transports[at].write(bytes(data))

    async def close(self) -> dict[str, int]:
        for transport in self._transports:
            transport.abort()
        return {}


async def call(
    kind: str, folder: str, control: str, connections: int, calls: int, turns: int
) -> None:
    """Calls speak without pause; each commits every two seconds, one after the other. `control`:
    TCP's congestion control, or how audio is delivered by QUIC."""
    answers = Turns()
    ends: QuicCalls | TcpCalls
    if kind == "quic":
        ends = QuicCalls(folder, answers, "stream" if control == "stream" else "datagram")
    else:
        ends = TcpCalls(folder, answers, control, kind == "per_call")
    await ends.open(connections, calls)
    settle()
    loop = asyncio.get_running_loop()
    number = connections * calls
    begun = loop.time() + TICK
    for tick in range(TURN_TICKS * (turns + 1)):
        await asyncio.sleep(max(0.0, begun + tick * TICK - loop.time()))
        for n in range(number):
            ends.say(n, tick)
            into = tick - n * TURN_TICKS // number
            if into > 0 and into % TURN_TICKS == 0 and into // TURN_TICKS <= turns:
                turn = into // TURN_TICKS
                answers.commit(n, turn)
                ends.commit(n, turn, tick)
        ends.flush()
    until = loop.time() + PATIENCE
    while answers.committed and loop.time() < until and not ends.failed:
        await asyncio.sleep(0.05)
    said = await ends.close()
    print(
        json.dumps(
            {
                "took": answers.took,
                "unanswered": len(answers.committed),
                "failed": ends.failed,
                "stats": said,
            }
        )
    )


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        uvloop.run(serve(sys.argv[2]))
    else:
        uvloop.run(call(sys.argv[1], sys.argv[2], sys.argv[3], *map(int, sys.argv[4:7])))
