"""What the plugin adds: RTP in to QUIC out, and QUIC in to RTP out, in one worker.

    python -m benchmarks.latency [--quick] [--calls 1,10,50] [--seconds 15] [--leg aec|raw]

RTP phones send a marked frame every 220 ms, which an agent behind a real gateway notices; the
agent sends a short burst every 220 ms or so, which the phones notice. Phones and gateway are one
process, the worker another: what is measured includes the loopback, the receiving side's own
scheduling and aioquic on both ends, so it is an upper bound of what the worker adds. The agent
speaks without a pause, so on `raw` legs the echo canceller runs all of the time, which no real
call does; the default is `aec`, without it. SIP is bypassed (the stock pjsua2 wheel ends at 4
calls). Needs no root.
"""

import argparse
import asyncio
import random
import tempfile
import time
from pathlib import Path

import numpy as np
import uvloop

from benchmarks.phones import Phone, talk
from benchmarks.report import Row, publish
from benchmarks.worker_host import WorkerHost
from bridge.agent import AgentSpec, TlsOptions
from bridge.audio import g711
from bridge.gateway.agent import AgentCall
from bridge.gateway.events import CallerAudio
from bridge.gateway.server import Gateway, GatewayOptions
from bridge.profile import PROFILES, ProfileName

LIMIT_P50_MS, LIMIT_P99_MS = 5.0, 15.0
MARK_EVERY = 11
"""Packets from one mark to the next: 220 ms, which drifts through the worker's phases."""
BURST_FRAMES = 3
SETTLE_SECS = 1.0
LOUD = 6000
_TONE = (16000 * np.sin(2 * np.pi * 2000 * np.arange(160) / 8000 + 0.7)).astype(np.int16)
"""Of the phone; the agent's is an octave lower, so that a canceller can tell them apart."""
_MARK = g711.encode("g711_ulaw", _TONE)
_SILENCE = g711.encode("g711_ulaw", np.zeros(160, np.int16))
_QUIET_GAP_SECS = 0.1
"""A loud frame counts as a new mark after so much silence."""


class Meter:
    """One call's two directions: what left last, and how long it took to arrive."""

    def __init__(self, rng: random.Random) -> None:
        self.up_ms: list[float] = []
        self.down_ms: list[float] = []
        self.phone = Phone(self._next_payload, self._on_packet)
        self._rng = rng
        self._offset = rng.randrange(MARK_EVERY)
        self._up_sent = self._up_loud = self._down_sent = self._down_loud = -1.0

    def _next_payload(self, number: int, now: float) -> bytes:
        if (number + self._offset) % MARK_EVERY:
            return _SILENCE
        self._up_sent = now
        return _MARK

    def _on_packet(self, payload: bytes, now: float) -> None:
        if np.abs(g711.decode("g711_ulaw", payload)).max() < LOUD:
            return
        if now - self._down_loud > _QUIET_GAP_SECS and self._down_sent > 0:
            self.down_ms.append((now - self._down_sent) * 1000)
        self._down_loud = now

    async def agent(self, call: AgentCall) -> None:
        """Runs behind the gateway."""
        speaking = asyncio.create_task(self._speak(call))
        try:
            async for event in call:
                if isinstance(event, CallerAudio):
                    self._on_audio(event.pcm, time.monotonic())
        finally:
            speaking.cancel()

    def _on_audio(self, pcm: bytes, now: float) -> None:
        if np.abs(np.frombuffer(pcm, "<i2").astype(np.int32)).max() < LOUD:
            return
        if now - self._up_loud > _QUIET_GAP_SECS and self._up_sent > 0:
            self.up_ms.append((now - self._up_sent) * 1000)
        self._up_loud = now

    async def _speak(self, call: AgentCall) -> None:
        rate = call.info.output_rate_hz
        samples = rate * 20 * BURST_FRAMES // 1000
        tone = (16000 * np.sin(2 * np.pi * 1000 * np.arange(samples) / rate)).astype(np.int16)
        while True:
            await asyncio.sleep(0.2 + 0.04 * self._rng.random())
            self._down_sent = time.monotonic()
            await call.send(tone, 0)


async def measure(calls: int, secs: float, leg: ProfileName, folder: Path) -> Row:
    """One cell of the table."""
    rng = random.Random(calls)
    meters = {f"bench-{i}": Meter(rng) for i in range(calls)}

    async def agent(call: AgentCall) -> None:
        await meters[call.info.sid].agent(call)

    ca_file = folder / f"ca-{calls}.pem"
    options = GatewayOptions(port=0, ca_out=str(ca_file))
    async with Gateway(options, agents={"meter": agent}) as gateway:
        spec = AgentSpec(
            endpoint=gateway.endpoint, agent="meter", tls=TlsOptions(ca_file=str(ca_file))
        )
        async with WorkerHost(spec, leg=PROFILES[leg]) as host:
            for sid, meter in meters.items():
                meter.phone.remote_port = await host.open(sid, meter.phone.port)
            phones = [meter.phone for meter in meters.values()]
            await talk(phones, SETTLE_SECS + secs, rng)
            for sid, meter in meters.items():
                await host.close(sid)
                meter.phone.close()
    settled = SETTLE_SECS / (SETTLE_SECS + secs)
    up = np.concatenate([m.up_ms[int(len(m.up_ms) * settled) :] for m in meters.values()])
    down = np.concatenate([m.down_ms[int(len(m.down_ms) * settled) :] for m in meters.values()])
    row: Row = {"calls": calls, "leg": leg}
    for name, values in (("up", up), ("down", down)):
        for q in (50, 95, 99):
            row[f"{name}_p{q}_ms"] = round(float(np.percentile(values, q)), 2)
        row[f"{name}_n"] = len(values)
    worst = max(
        row["up_p50_ms"] / LIMIT_P50_MS,
        row["down_p50_ms"] / LIMIT_P50_MS,
        row["up_p99_ms"] / LIMIT_P99_MS,
        row["down_p99_ms"] / LIMIT_P99_MS,
    )
    row["worst_to_limit"] = round(worst, 2)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks.latency",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="4 s a cell instead of 15")
    parser.add_argument("--calls", default="1,10,50", help="cells, calls at once")
    parser.add_argument("--seconds", type=float, default=0.0, help="measured time of a cell")
    parser.add_argument("--leg", choices=sorted(PROFILES), default="aec", help="leg profile")
    arguments = parser.parse_args()
    secs = arguments.seconds or (4.0 if arguments.quick else 15.0)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for calls in [int(n) for n in arguments.calls.split(",")]:
            print(f"latency: {calls} calls, {secs:.0f} s …", flush=True)
            rows.append(uvloop.run(measure(calls, secs, arguments.leg, Path(folder))))
    publish(
        "latency",
        rows,
        f"limits: {LIMIT_P50_MS:g} ms p50, {LIMIT_P99_MS:g} ms p99, each direction; "
        "worst_to_limit below 1 keeps all four",
    )


if __name__ == "__main__":
    main()
