"""What the model leg costs and adds: CPU a call-second at each end, frames a packet, latency.

A gateway process and a plugin process on loopback, with the packets of an Ethernet path. All
calls speak and are spoken to, 50 frames a second each way. Latency is from `append` (or an agent's
`send`) to the other end's event, so it holds what queues, pacing and the event loop add.

    python -m benchmarks.model_leg [--quick] [--calls 1 20 50 100 200] [--codec pcm16/16000]
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from itertools import product
from typing import Any, get_args

import numpy as np
import uvloop

from benchmarks.report import Row, publish
from bridge.agent import AgentSpec, TlsOptions
from bridge.gateway import Gateway, GatewayOptions
from bridge.gateway.agent import AgentCall
from bridge.gateway.clock import SpeechClock
from bridge.gateway.events import CallerAudio, Committed
from bridge.leg.interface import CallFacts, LegFailed, ModelEvent, Opened, ReplyAudio
from bridge.leg.quic import QuicConnection
from bridge.settle import settle

TICK = 0.02
PACKET_BYTES = 1472
CALLS_PER_CONNECTION = 100
WARM_SECS = 1.0
CODECS = ("g711_ulaw/8000", "opus/24000", "pcm16/8000", "pcm16/16000", "pcm16/24000")
DELIVERIES = ("datagram", "stream")


def offered(field: str) -> tuple[str, ...]:
    """The values that the agent's option takes, none when there is no such option yet."""
    info = AgentSpec.model_fields.get(field)
    return get_args(info.annotation) if info is not None else ()


class Latency:
    """Of frames that carry the time when they were made, in their first samples."""

    def __init__(self) -> None:
        self.took: list[float] = []

    def take(self, stamped: bytes) -> None:
        if len(stamped) >= 8:
            then = int.from_bytes(stamped[:8], "little")
            self.took.append((time.monotonic_ns() - then) / 1e6)


def stamp(pcm: bytearray) -> bytes:
    pcm[:8] = time.monotonic_ns().to_bytes(8, "little")
    return bytes(pcm)


def percentile(took: list[float], share: float) -> float | None:
    return sorted(took)[min(len(took) - 1, int(len(took) * share))] if took else None


def untouched(codec: str) -> bool:
    """Bytes of this codec pass an agent as they are."""
    return codec.startswith("g711")


# --- the gateway -----------------------------------------------------------------------------


class Speaking:
    """Speaks from the first commit to the end, on one clock for all calls."""

    def __init__(self) -> None:
        self.clock = SpeechClock()
        self.uplink = Latency()

    async def __call__(self, call: AgentCall) -> None:
        task = None
        async for event in call:
            match event:
                case CallerAudio() as frame:
                    self.uplink.take(frame.payload if untouched(call.info.codec) else frame.pcm)
                case Committed(turn=turn):
                    task = asyncio.ensure_future(self._speak(call, turn))
        if task is not None:
            task.cancel()

    async def _speak(self, call: AgentCall, turn: int) -> None:
        if untouched(call.info.codec):
            data = bytearray(frame_bytes(call.info.codec, call.info.output_rate_hz))
            while await call.send_encoded(stamp(data), turn):
                await self.clock.tick()
            return
        pcm = bytearray(call.info.output_rate_hz // 50 * 2)
        while True:
            await self.clock.tick()
            if not await call.send(np.frombuffer(stamp(pcm), "<i2"), turn):
                return


async def serve(folder: str) -> None:
    speaking = Speaking()
    options = GatewayOptions(port=0, ca_out=f"{folder}/ca.pem", packet_bytes=PACKET_BYTES)
    async with Gateway(options, {"speaking": speaking}) as gateway:
        settle()
        print(gateway.endpoint, flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            took, speaking.uplink.took = speaking.uplink.took, []
            sent = [protocol.stats for protocol in gateway.protocols]
            print(
                json.dumps(
                    {
                        "cpu": time.process_time(),
                        "took": took,
                        "packets": sum(stats.packets_sent for stats in sent),
                        "frames": sum(stats.datagrams_sent for stats in sent),
                    }
                ),
                flush=True,
            )


class Server:
    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.model_leg", "--serve", self.folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.endpoint = self._line().strip()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    async def report(self) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return json.loads(await asyncio.to_thread(self._line))

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


# --- the plugin ------------------------------------------------------------------------------


async def measure(codec: str, delivery: str, calls: int, secs: float) -> list[Row]:
    server = Server()
    try:
        return await _measure(server, codec, delivery, calls, secs)
    finally:
        server.close()


async def _measure(server: Server, codec: str, delivery: str, calls: int, secs: float) -> list[Row]:
    name, _, rate = codec.partition("/")
    tls = TlsOptions(ca_file=f"{server.folder}/ca.pem")
    options: dict[str, Any] = {"input_rate_hz": int(rate), "output_rate_hz": int(rate)}
    if "audio_delivery" in AgentSpec.model_fields:
        options["audio_delivery"] = delivery
    agent = AgentSpec(
        endpoint=server.endpoint, agent="speaking", tls=tls, model_codec=name, **options
    )
    lines = [
        QuicConnection(server.endpoint, tls, packet_bytes=PACKET_BYTES)
        for _ in range(-(-calls // CALLS_PER_CONNECTION))
    ]
    settle()
    downlink = Latency()
    legs, waiting = [], []
    for n in range(calls):
        opened = asyncio.Event()
        waiting.append(opened)

        def on_event(event: ModelEvent, opened: asyncio.Event = opened) -> None:
            match event:
                case ReplyAudio(payload=payload):
                    downlink.take(payload)
                case Opened():
                    opened.set()
                case LegFailed():
                    raise RuntimeError(event)

        facts = CallFacts(f"leg-{n}", "inbound", "", "")
        legs.append(lines[n % len(lines)].open_call(facts, agent, on_event))
    for opened in waiting:
        await asyncio.wait_for(opened.wait(), 20)
    pcm = bytearray(frame_bytes(name, int(rate)))
    for leg in legs:
        leg.answered()
        leg.append(0, 0, bytes(pcm))
        leg.commit(1, 0)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    before: dict[str, Any] = {}
    sent = (0, 0)
    for tick in range(1, int((secs + WARM_SECS) / TICK)):
        await asyncio.sleep(max(0.0, begun + tick * TICK - loop.time()))
        if not before and tick * TICK >= WARM_SECS:
            before = await server.report()
            cpu, downlink.took, sent, from_at = time.process_time(), [], counted(lines), loop.time()
        for leg in legs:
            leg.append(tick, tick * int(rate) // 50, stamp(pcm))
        for line in lines:
            line.flush()
    spent, took = time.process_time() - cpu, loop.time() - from_at
    after = await server.report()
    now = counted(lines)
    for line in lines:
        await line.close()
    each = 1000 / (calls * took)
    up = (now[1] - sent[1]) / max(1, now[0] - sent[0])
    down = (after["frames"] - before["frames"]) / max(1, after["packets"] - before["packets"])
    common = {"codec": codec, "delivery": delivery, "calls": calls}
    return [
        common
        | {
            "cpu_ms_per_call_s": cpu_secs * each,
            "frames_per_packet": frames,
            "p50_ms": percentile(latency, 0.50),
            "p99_ms": percentile(latency, 0.99),
            "end": end,
        }
        for end, cpu_secs, frames, latency in (
            ("plugin", spent, up, after["took"]),
            ("gateway", after["cpu"] - before["cpu"], down, downlink.took),
        )
    ]


def frame_bytes(codec: str, rate: int) -> int:
    return rate // 50 * (2 if codec == "pcm16" else 1)


def counted(lines: list[QuicConnection]) -> tuple[int, int]:
    """Packets and audio frames sent so far."""
    packets = sum(line.stats.packets_sent for line in lines)
    return packets, sum(line.stats.datagrams_sent for line in lines)


def main() -> None:
    codecs = [c for c in CODECS if c.partition("/")[0] in offered("model_codec")]
    deliveries = [d for d in DELIVERIES if d in offered("audio_delivery")] or ["datagram"]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two sizes, three seconds each")
    parser.add_argument("--calls", type=int, nargs="+", default=[1, 20, 50, 100, 200])
    parser.add_argument("--codec", nargs="+", default=codecs, choices=codecs)
    parser.add_argument("--delivery", nargs="+", default=deliveries, choices=deliveries)
    parser.add_argument("--secs", type=float, default=8.0)
    parser.add_argument("--serve", metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        uvloop.run(serve(options.serve))
        return
    if options.quick:
        options.calls, options.secs = [20, 100], 3.0
        options.codec = [options.codec[0], "pcm16/16000"]
        options.delivery = ["datagram"]
    rows: list[Row] = []
    for codec, delivery, calls in product(options.codec, options.delivery, options.calls):
        rows += uvloop.run(measure(codec, delivery, calls, options.secs))
        print(rows[-2:], file=sys.stderr, flush=True)
    publish(
        "model_leg", rows, "CPU and frames a packet of what that end sends; 50 frames/s each way"
    )


if __name__ == "__main__":
    main()
