"""How long until a model speaks on a new connection, and what a gateway's restart costs.

First table: from the decision to connect until the first frame of a greeting, on a path of 50 ms
round trip time: a full handshake, a resumed one, one that speaks at once (0-RTT), and one whose
address the gateway wants proved; `of_full` is the share of the first one's median. Second: a
gateway is killed under calls that are being spoken to, and started again. `started_s` is from the
kill until the new process listens, `back` from then until a call goes on there; the rest of the
silence is the wait for the caller's next turn, for a killed model has forgotten the last.

    python -m benchmarks.reconnect [--quick] [--calls 20]
"""

import argparse
import asyncio
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np
import uvloop
from cryptography.hazmat.primitives import serialization

from benchmarks.report import Row, publish
from bridge.agent import AgentSpec, TlsOptions
from bridge.gateway import Gateway, GatewayOptions, server
from bridge.gateway.agent import AgentCall
from bridge.gateway.certificate import self_signed, write_ca
from bridge.gateway.clock import SpeechClock
from bridge.gateway.events import Answered, Committed
from bridge.leg.dial import Dialer
from bridge.leg.interface import CallFacts, LegFailed, ModelEvent, Noticed, Opened, ReplyAudio
from bridge.leg.quic import QuicConnection

RTT = 0.05
WAYS = ("full", "resumed", "0-RTT", "full with Retry")
FRAME = np.zeros(480, np.int16)


class Greeting:
    """Greets at once, and speaks on each turn until it is stopped."""

    def __init__(self) -> None:
        self._clock = SpeechClock()

    async def __call__(self, call: AgentCall) -> None:
        tasks = []
        async for event in call:
            match event:
                case Answered():
                    await call.send(FRAME, 0)
                    await call.end(0)
                case Committed(turn=turn):
                    tasks.append(asyncio.ensure_future(self._speak(call, turn)))
        for task in tasks:
            task.cancel()

    async def _speak(self, call: AgentCall, turn: int) -> None:
        while await call.send(FRAME, turn):
            await self._clock.tick()


class Delay(asyncio.DatagramProtocol):
    """A path to a gateway that takes half of `RTT` each way."""

    def __init__(self, target: tuple[str, int], back: "Delay | None" = None) -> None:
        self.target, self.back = target, back
        self.client: Any = None

    async def open(self) -> str:
        loop = asyncio.get_running_loop()
        there = Delay(self.target, self)
        self.there, _ = await loop.create_datagram_endpoint(lambda: there, remote_addr=self.target)
        self.here, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        host, port = self.here.get_extra_info("sockname")
        return f"quic://{host}:{port}"

    def datagram_received(self, data: bytes, addr: Any) -> None:
        loop = asyncio.get_running_loop()
        if self.back is not None:
            loop.call_later(RTT / 2, self.back.here.sendto, data, self.back.client)
        else:
            self.client = addr
            loop.call_later(RTT / 2, self.there.sendto, data)

    def close(self) -> None:
        self.here.close()
        self.there.close()


async def first_frames(times: int) -> list[Row]:
    """Each way `times` times, each on a connection of its own."""
    rows: list[Row] = []
    full = 0.0
    with tempfile.TemporaryDirectory() as folder:
        options = GatewayOptions(port=0, ca_out=f"{folder}/ca.pem")
        async with Gateway(options, {"greeting": Greeting()}) as gateway:
            tls = TlsOptions(ca_file=f"{folder}/ca.pem")
            for way in WAYS:
                took = []
                for n in range(times):
                    took.append(await _first_frame(gateway, tls, way, f"{WAYS.index(way)}-{n}"))
                full = full or float(np.percentile(took, 50))
                rows.append(
                    {
                        "handshake": way,
                        "of_full": np.percentile(took, 50) / full,
                        "first_frame_p50_ms": np.percentile(took, 50),
                        "first_frame_p99_ms": np.percentile(took, 99),
                        "times": times,
                    }
                )
    return rows


async def _first_frame(gateway: Gateway, tls: TlsOptions, way: str, sid: str) -> float:
    path = Delay(gateway.address)
    endpoint = await path.open()
    agent = AgentSpec(endpoint=endpoint, agent="greeting", tls=tls, greets_first=True)
    line = QuicConnection(endpoint, tls)
    dialer: Dialer = line._dialer
    if way in ("resumed", "0-RTT"):
        earlier = QuicConnection(endpoint, tls)
        await earlier.wait_connected(5)
        while not len(earlier._dialer._tickets):
            await asyncio.sleep(0.01)
        ticket = earlier._dialer._tickets.take_newest()
        assert ticket is not None
        if way == "resumed":
            ticket.max_early_data_size = None
        dialer._tickets.add(ticket)
        await earlier.close()
    server.MAX_UNPROVEN = 0 if way == "full with Retry" else 16
    heard = asyncio.get_running_loop().create_future()

    def on_event(event: ModelEvent) -> None:
        match event:
            case Opened():
                call.answered()
            case ReplyAudio() if not heard.done():
                heard.set_result(time.perf_counter())
            case LegFailed() if not heard.done():
                heard.set_exception(RuntimeError(str(event)))

    begun = time.perf_counter()
    call = line.open_call(CallFacts(sid, "inbound", "", ""), agent, on_event)
    call.answered()
    took = (await asyncio.wait_for(heard, 10) - begun) * 1000
    await line.close()
    path.close()
    return took


# --- a gateway is killed ---------------------------------------------------------------------


async def serve(folder: str, port: int) -> None:
    options = GatewayOptions(
        port=port, cert_file=f"{folder}/ca.pem", key_file=f"{folder}/key.pem", max_calls=1000
    )
    async with Gateway(options, {"greeting": Greeting()}) as gateway:
        print(gateway.address[1], flush=True)
        await asyncio.Event().wait()


def start(folder: str, port: int) -> tuple[subprocess.Popen[str], int]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.reconnect", "--serve", folder, str(port)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())


class Listener:
    """A call that hears the model all the time, and notes the longest silence."""

    def __init__(self, line: QuicConnection, agent: AgentSpec, sid: str) -> None:
        self.opened = asyncio.Event()
        self.lost = ""
        self.longest = 0.0
        self.last = 0.0
        self.back = 0.0
        """When it went on on a new connection."""
        self.turn = 0
        self.call = line.open_call(CallFacts(sid, "inbound", "", ""), agent, self.on_event)

    def on_event(self, event: ModelEvent) -> None:
        match event:
            case Opened():
                self.opened.set()
            case ReplyAudio():
                now = time.perf_counter()
                if self.last:
                    self.longest = max(self.longest, now - self.last)
                self.last = now
            case Noticed():
                self.back = time.perf_counter()
            case LegFailed(code=code):
                self.lost = str(code)


async def restart(calls: int, down_secs: float) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        made = self_signed("127.0.0.1")
        write_ca(f"{folder}/ca.pem", made.pem)
        with open(f"{folder}/key.pem", "wb") as file:
            file.write(
                made.key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
            )
        gateway, port = start(folder, 0)
        try:
            tls = TlsOptions(ca_file=f"{folder}/ca.pem")
            endpoint = f"quic://127.0.0.1:{port}"
            agent = AgentSpec(endpoint=endpoint, agent="greeting", tls=tls)
            line = QuicConnection(endpoint, tls)
            listeners = [Listener(line, agent, f"restart-{n}") for n in range(calls)]
            for listener in listeners:
                await asyncio.wait_for(listener.opened.wait(), 10)
                listener.call.answered()
            seq = await _talk(line, listeners, 0, 1.0, commit_at=0)
            gateway.send_signal(signal.SIGKILL)
            gateway.wait()
            silent_from = time.perf_counter()
            seq = await _talk(line, listeners, seq, down_secs, commit_at=None)
            starting = asyncio.ensure_future(asyncio.to_thread(start, folder, port))
            while not starting.done():
                seq = await _talk(line, listeners, seq, 0.1, commit_at=None)
            gateway, _ = starting.result()
            listens = time.perf_counter()
            # What the bridge does for a caller who speaks on: the next turn.
            for _ in range(4):
                seq = await _talk(line, listeners, seq, 1.0, commit_at=seq)
            ended = time.perf_counter()
            lost = sum(bool(listener.lost) for listener in listeners)
            back = [x.back - listens for x in listeners if x.back]
            silences = [max(x.longest, ended - x.last) if x.lost else x.longest for x in listeners]
            await line.close()
            return [
                {
                    "calls": calls,
                    "down_s": down_secs,
                    "calls lost": lost,
                    "started_s": listens - silent_from,
                    "back_p50_s": float(np.median(back)) if back else None,
                    "back_max_s": max(back, default=None),
                    "silence_p50_s": float(np.median(silences)),
                    "silence_max_s": max(silences),
                    "watched_s": ended - silent_from,
                }
            ]
        finally:
            gateway.kill()
            gateway.wait()


async def _talk(
    line: QuicConnection, listeners: list[Listener], seq: int, secs: float, commit_at: int | None
) -> int:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for tick in range(int(secs * 50)):
        await asyncio.sleep(max(0.0, begun + tick * 0.02 - loop.time()))
        for listener in listeners:
            if listener.lost:
                continue
            listener.call.append(seq, seq * 320, bytes(640))
            if seq == commit_at:
                listener.turn += 1
                listener.call.commit(listener.turn, seq)
        line.flush()
        seq += 1
    return seq


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="10 times each")
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--down", type=float, default=1.0, help="seconds until it is back")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        uvloop.run(serve(options.serve[0], int(options.serve[1])))
        return
    rows = uvloop.run(first_frames(10 if options.quick else 50))
    rows += uvloop.run(restart(options.calls, options.down))
    publish("reconnect", rows, "RTT 50 ms in the first table; the second on loopback")


if __name__ == "__main__":
    main()
