"""What the model leg costs and adds: CPU a call-second at each end, frames a packet, latency.

A gateway process and a plugin process on loopback, with the packets of an Ethernet path. All
calls speak and are spoken to, 50 frames a second each way: recorded speech, in the codec of the
leg, which both ends encode and decode; G.711 passes untouched. Latency is from `append` (or an
agent's `send`, with its encoding) to the other end's event, so it holds what queues, pacing and the
event loop add.

    python -m benchmarks.model_leg [--quick] [--calls 1 20 50 100 200] [--codec pcm16/16000]
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import cache
from itertools import count, product
from typing import Any, get_args

import uvloop

from benchmarks.report import Row, publish
from bridge.agent import AgentSpec, TlsOptions
from bridge.audio.frames import PHONE_RATE_HZ
from bridge.audio.resample import Resampler
from bridge.codec import G711, Pcm, decoder, encoder
from bridge.gateway import Gateway, GatewayOptions
from bridge.gateway.agent import AgentCall
from bridge.gateway.clock import SpeechClock
from bridge.gateway.events import CallerAudio, Committed
from bridge.leg.interface import CallFacts, LegFailed, ModelEvent, Opened, ReplyAudio
from bridge.leg.quic import QuicConnection
from bridge.settle import settle
from sip_plugin.demo import speech

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


Times = dict[str, dict[int, float]]
"""When frames left, or came, by call and number in it: both ends have the machine's clock."""


def latencies(left: Times, came: Times) -> list[float]:
    """Of the frames that both ends know, milliseconds."""
    return [
        (at - left[sid][seq]) * 1000
        for sid, times in came.items()
        for seq, at in times.items()
        if seq in left.get(sid, {})
    ]


def forget(times: Times) -> None:
    """Begin anew, for those that write to it, too."""
    for of_call in times.values():
        of_call.clear()


@cache
def spoken(rate_hz: int) -> list[Pcm]:
    """A few sentences in frames, to be said again and again."""
    made: list[Pcm] = []
    size = rate_hz // 50
    for name in speech.TURNS:
        pcm = Resampler(PHONE_RATE_HZ, rate_hz).push(speech.load(name))
        made += [pcm[at : at + size] for at in range(0, len(pcm) - size + 1, size)]
    return made


@cache
def untouched(codec: str) -> list[bytes]:
    """The same in a codec whose bytes pass as they are; of others nothing."""
    if codec not in G711:
        return []
    law = encoder(codec, PHONE_RATE_HZ)
    return [law.encode(pcm) for pcm in spoken(PHONE_RATE_HZ)]


def percentile(took: list[float], share: float) -> float | None:
    return sorted(took)[min(len(took) - 1, int(len(took) * share))] if took else None


# --- the gateway -----------------------------------------------------------------------------


class Speaking:
    """Speaks from the first commit to the end, on one clock for all calls."""

    def __init__(self) -> None:
        self.clock = SpeechClock()
        self.came: Times = defaultdict(dict)
        self.left: Times = defaultdict(dict)

    async def __call__(self, call: AgentCall) -> None:
        task = None
        came = self.came[call.info.sid]
        async for event in call:
            match event:
                case CallerAudio(seq=seq):
                    came[seq] = time.monotonic()
                case Committed(turn=turn):
                    task = asyncio.ensure_future(self._speak(call, turn))
        if task is not None:
            task.cancel()

    async def _speak(self, call: AgentCall, turn: int) -> None:
        """The only reply, one frame on the wire for each that is said."""
        left = self.left[call.info.sid]
        frames: list[Any] = untouched(call.info.codec) or spoken(call.info.output_rate_hz)
        send: Callable[[Any, int], Awaitable[bool]]
        send = call.send_encoded if call.info.codec in G711 else call.send
        for seq in count():
            await self.clock.tick()
            left[seq] = time.monotonic()
            if not await send(frames[seq % len(frames)], turn):
                return


async def serve(folder: str) -> None:
    speaking = Speaking()
    options = GatewayOptions(port=0, ca_out=f"{folder}/ca.pem", packet_bytes=PACKET_BYTES)
    async with Gateway(options, {"speaking": speaking}) as gateway:
        settle()
        print(gateway.endpoint, flush=True)
        while asked := (await asyncio.to_thread(sys.stdin.readline)).strip():
            sent = [protocol.stats for protocol in gateway.protocols]
            said: dict[str, Any] = {
                "cpu": time.process_time(),
                "packets": sum(stats.packets_sent for stats in sent),
                "frames": sum(stats.datagrams_sent for stats in sent),
            }
            if asked == "begin":
                forget(speaking.came)
                forget(speaking.left)
            else:
                said |= {"came": speaking.came, "left": speaking.left}
            print(json.dumps(said), flush=True)


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

    async def report(self, what: str) -> dict[str, Any]:
        """What it has used and sent so far; at the "end" also the times since the "begin"."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
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
    name, _, rate_text = codec.partition("/")
    rate = int(rate_text)
    tls = TlsOptions(ca_file=f"{server.folder}/ca.pem")
    options: dict[str, Any] = {"input_rate_hz": rate, "output_rate_hz": rate}
    if "audio_delivery" in AgentSpec.model_fields:
        options["audio_delivery"] = delivery
    agent = AgentSpec(
        endpoint=server.endpoint, agent="speaking", tls=tls, model_codec=name, **options
    )
    lines = [
        QuicConnection(server.endpoint, tls, packet_bytes=PACKET_BYTES)
        for _ in range(-(-calls // CALLS_PER_CONNECTION))
    ]
    frames = spoken(rate)
    encoders = [encoder(agent.model_codec, rate) for _ in range(calls)]
    settle()
    left: Times = defaultdict(dict)
    came: Times = defaultdict(dict)
    legs, waiting = [], []
    for n in range(calls):
        opened = asyncio.Event()
        waiting.append(opened)
        sid = f"leg-{n}"
        decode = None if name in G711 else decoder(agent.model_codec, rate).decode

        def on_event(
            event: ModelEvent,
            opened: asyncio.Event = opened,
            times: dict[int, float] = came[sid],
            decode: Callable[[bytes], Pcm] | None = decode,
        ) -> None:
            match event:
                case ReplyAudio(seq=seq, payload=payload):
                    times[seq] = time.monotonic()
                    if decode is not None:
                        decode(payload)
                case Opened():
                    opened.set()
                case LegFailed():
                    raise RuntimeError(event)

        facts = CallFacts(sid, "inbound", "", "")
        legs.append(lines[n % len(lines)].open_call(facts, agent, on_event))

    def encoded(tick: int) -> list[bytes]:
        """Every call's frame."""
        if as_it_is := untouched(name):
            return [as_it_is[tick % len(as_it_is)]] * calls
        return [its.encode(frames[tick % len(frames)]) for its in encoders]

    for opened in waiting:
        await asyncio.wait_for(opened.wait(), 20)
    for leg, data in zip(legs, encoded(0), strict=True):
        leg.answered()
        leg.append(0, 0, data)
        leg.commit(1, 0)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    before: dict[str, Any] = {}
    sent = (0, 0)
    for tick in range(1, int((secs + WARM_SECS) / TICK)):
        await asyncio.sleep(max(0.0, begun + tick * TICK - loop.time()))
        if not before and tick * TICK >= WARM_SECS:
            before = await server.report("begin")
            forget(left)
            forget(came)
            cpu, sent, from_at = time.process_time(), counted(lines), loop.time()
        for n, (leg, data) in enumerate(zip(legs, encoded(tick), strict=True)):
            left[f"leg-{n}"][tick] = time.monotonic()
            leg.append(tick, tick * rate // 50, data)
        for line in lines:
            line.flush()
    spent, took = time.process_time() - cpu, loop.time() - from_at
    after = await server.report("end")
    now = counted(lines)
    for line in lines:
        await line.close()
    each = 1000 / (calls * took)
    up = (now[1] - sent[1]) / max(1, now[0] - sent[0])
    down = (after["frames"] - before["frames"]) / max(1, after["packets"] - before["packets"])
    used = after["cpu"] - before["cpu"]
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
            ("plugin", spent, up, latencies(left, numbered(after["came"]))),
            ("gateway", used, down, latencies(numbered(after["left"]), came)),
        )
    ]


def numbered(times: dict[str, dict[str, float]]) -> Times:
    """As JSON has brought them, with numbers for frames again."""
    return {sid: {int(seq): at for seq, at in of_call.items()} for sid, of_call in times.items()}


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
